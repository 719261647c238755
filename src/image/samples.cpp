#include "image/samples.h"

#include <cstring>

#include "base/half.h"

namespace esrgan {
namespace {

template <typename T>
void unpack_integers(const std::byte* samples, size_t count, float largest, float* out) {
  for (size_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, samples + i * sizeof(T), sizeof(T));
    out[i] = static_cast<float>(value) / largest;
  }
}

template <typename T>
void pack_integers(const float* values, size_t count, float largest, std::byte* out) {
  for (size_t i = 0; i < count; ++i) {
    const auto value = static_cast<T>(whole_sample(values[i], largest));
    std::memcpy(out + i * sizeof(T), &value, sizeof(T));
  }
}

}  // namespace

size_t size_of(SampleType type) {
  return type == SampleType::u8 ? 1 : (type == SampleType::f32 ? 4 : 2);
}

const char* name_of(SampleType type) {
  switch (type) {
    case SampleType::u16:
      return "16 bit";
    case SampleType::f16:
      return "half float";
    case SampleType::f32:
      return "float";
    case SampleType::u8:
      break;
  }
  return "8 bit";
}

void unpack_samples(const std::byte* samples, SampleType type, size_t count, float* out) {
  switch (type) {
    case SampleType::u8:
      return unpack_integers<uint8_t>(samples, count, 255, out);
    case SampleType::u16:
      return unpack_integers<uint16_t>(samples, count, 65535, out);
    case SampleType::f16:
      for (size_t i = 0; i < count; ++i) {
        uint16_t bits = 0;
        std::memcpy(&bits, samples + 2 * i, 2);
        out[i] = float_from_half(bits);
      }
      return;
    case SampleType::f32:
      std::memcpy(out, samples, count * sizeof(float));
  }
}

void pack_samples(const float* values, size_t count, SampleType type, std::byte* out) {
  switch (type) {
    case SampleType::u8:
      return pack_integers<uint8_t>(values, count, 255, out);
    case SampleType::u16:
      return pack_integers<uint16_t>(values, count, 65535, out);
    case SampleType::f16:
      for (size_t i = 0; i < count; ++i) {
        const uint16_t bits = half_from_float(values[i]);
        std::memcpy(out + 2 * i, &bits, 2);
      }
      return;
    case SampleType::f32:
      std::memcpy(out, values, count * sizeof(float));
  }
}

}  // namespace esrgan
