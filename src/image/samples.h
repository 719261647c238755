// Conversion of rows between sample types and the floats that networks work with.
#pragma once

#include <esrgan/image.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace esrgan {

/// The sRGB transfer function (IEC 61966-2-1), continued beyond [0, 1] and odd around 0.
inline float srgb_from_linear(float value) {
  const float magnitude = std::fabs(value);
  const float encoded =
      magnitude <= 0.0031308F ? 12.92F * magnitude : 1.055F * std::pow(magnitude, 1 / 2.4F) - 0.055F;
  return std::copysign(encoded, value);
}

inline float linear_from_srgb(float value) {
  const float magnitude = std::fabs(value);
  const float linear =
      magnitude <= 0.04045F ? magnitude / 12.92F : std::pow((magnitude + 0.055F) / 1.055F, 2.4F);
  return std::copysign(linear, value);
}

/// A value in [0, 1] as one of the whole numbers 0 to `largest`: clamped and rounded to nearest (halves up);
/// what is not a number becomes 0.
inline uint16_t whole_sample(float value, float largest) {
  const float clamped = value > 0 ? (value < 1.0F ? value : 1.0F) : 0.0F;
  return static_cast<uint16_t>(clamped * largest + 0.5F);
}

/// Whether a type's values are numbers of their own, whose meaning ValueRange tells, instead of shares of its
/// largest.
inline bool has_own_values(SampleType type) {
  return type != SampleType::u8 && type != SampleType::u16;
}

/// Between two levels of a type whose values are shares of its largest; 0 of others.
inline double step_of(SampleType type) {
  return type == SampleType::u8 ? 1.0 / 255 : type == SampleType::u16 ? 1.0 / 65535 : 0;
}

inline bool is_floating(SampleType type) {
  return type == SampleType::f16 || type == SampleType::f32;
}

/// The value that means opaque in an alpha channel of values of their own: an integer's largest, else 1.
double full_value(SampleType type);

/// The least and the largest number of a type; of floats, none.
std::optional<std::array<double, 2>> ends_of(SampleType type);

/// Stored samples to floats in [0, 1]; floating-point samples are taken as they are. Types of pictures in
/// memory only.
void unpack_samples(const std::byte* samples, SampleType type, size_t count, float* out);

/// Floats to stored samples: integers are clamped and rounded to nearest (halves up). Types of pictures in
/// memory only.
void pack_samples(const float* values, size_t count, SampleType type, std::byte* out);

/// Samples as the numbers that are stored.
void unpack_values(const std::byte* samples, SampleType type, size_t count, double* out);

/// And back: whole numbers are clamped to the type and rounded to nearest.
void pack_values(const double* values, size_t count, SampleType type, std::byte* out);

}  // namespace esrgan
