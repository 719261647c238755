// Conversions between float and the two 16-bit floating-point formats.
#pragma once

#include <cstdint>
#include <cstring>

namespace esrgan {

inline float float_from_bits(uint32_t bits) {
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline uint32_t bits_from_float(float value) {
  uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

/// bfloat16: the upper half of a float.
inline float float_from_bfloat16(uint16_t bits) {
  return float_from_bits(static_cast<uint32_t>(bits) << 16U);
}

/// IEEE 754 binary16 to float; exact, subnormals, infinities and NaN included.
inline float float_from_half(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000U) << 16U;
  const uint32_t exponent = (bits >> 10U) & 0x1FU;
  const uint32_t mantissa = bits & 0x3FFU;
  if (exponent == 0) {  // zero or subnormal: mantissa * 2^-24
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  if (exponent == 31) return float_from_bits(sign | 0x7F800000U | (mantissa << 13U));
  return float_from_bits(sign | ((exponent + 112) << 23U) | (mantissa << 13U));
}

/// Float to IEEE 754 binary16, round to nearest even; too large becomes infinity.
inline uint16_t half_from_float(float value) {
  const uint32_t bits = bits_from_float(value);
  const uint32_t sign = (bits >> 16U) & 0x8000U;
  const uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) return static_cast<uint16_t>(sign | 0x7E00U);   // NaN
  if (magnitude >= 0x47800000U) return static_cast<uint16_t>(sign | 0x7C00U);  // 65536 and more
  if (magnitude < 0x38800000U) {                                               // below 2^-14: subnormal
    // Adding 0.5 aligns the mantissa so that the float unit itself rounds to nearest even.
    const float aligned = float_from_bits(magnitude) + 0.5F;
    return static_cast<uint16_t>(sign | (bits_from_float(aligned) - 0x3F000000U));
  }
  const uint32_t rounded = magnitude + 0xFFFU + ((magnitude >> 13U) & 1U);
  return static_cast<uint16_t>(sign | ((rounded - 0x38000000U) >> 13U));
}

}  // namespace esrgan
