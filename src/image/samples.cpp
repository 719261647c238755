#include "image/samples.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <vector>

#include "base/half.h"
#include "image/codecs/stored_value.h"

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
void unpack_numbers(const std::byte* samples, size_t count, double* out) {
  for (size_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, samples + i * sizeof(T), sizeof(T));
    out[i] = static_cast<double>(value);
  }
}

template <typename T>
void pack_numbers(const double* values, size_t count, std::byte* out) {
  constexpr auto least = static_cast<double>(std::numeric_limits<T>::lowest()),
                 most = static_cast<double>(std::numeric_limits<T>::max());
  for (size_t i = 0; i < count; ++i) {
    const double whole = std::floor(values[i] + 0.5);
    const auto value = static_cast<T>(whole > least ? std::min(whole, most) : least);
    std::memcpy(out + i * sizeof(T), &value, sizeof(T));
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

const char* name_of(SampleType type) {
  switch (type) {
    case SampleType::u16:
      return "16 bit";
    case SampleType::f16:
      return "half float";
    case SampleType::f32:
      return "float";
    case SampleType::i8:
      return "signed 8 bit";
    case SampleType::i16:
      return "signed 16 bit";
    case SampleType::u32:
      return "32 bit";
    case SampleType::i32:
      return "signed 32 bit";
    case SampleType::u8:
      break;
  }
  return "8 bit";
}

std::optional<std::array<double, 2>> ends_of(SampleType type) {
  if (is_floating(type)) return std::nullopt;
  return with_number_type(type, [](auto number) {
    using Number = std::numeric_limits<decltype(number)>;
    return std::array{static_cast<double>(Number::lowest()), static_cast<double>(Number::max())};
  });
}

double full_value(SampleType type) {
  switch (type) {
    case SampleType::i8:
      return std::numeric_limits<int8_t>::max();
    case SampleType::i16:
      return std::numeric_limits<int16_t>::max();
    case SampleType::u32:
      return std::numeric_limits<uint32_t>::max();
    case SampleType::i32:
      return std::numeric_limits<int32_t>::max();
    default:
      return 1;
  }
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
      return;
    default:
      throw std::logic_error("pictures in memory have no such samples");
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
      return;
    default:
      throw std::logic_error("pictures in memory have no such samples");
  }
}

void unpack_values(const std::byte* samples, SampleType type, size_t count, double* out) {
  if (type == SampleType::f16) {
    std::vector<float> floats(count);
    unpack_samples(samples, type, count, floats.data());
    std::copy(floats.begin(), floats.end(), out);
    return;
  }
  with_number_type(type, [&](auto number) { unpack_numbers<decltype(number)>(samples, count, out); });
}

void pack_values(const double* values, size_t count, SampleType type, std::byte* out) {
  if (is_floating(type)) {
    std::vector<float> floats(count);
    std::transform(values, values + count, floats.begin(),
                   [](double value) { return static_cast<float>(value); });
    return pack_samples(floats.data(), count, type, out);
  }
  with_number_type(type, [&](auto number) {
    if constexpr (std::numeric_limits<decltype(number)>::is_integer)
      pack_numbers<decltype(number)>(values, count, out);
  });
}

}  // namespace esrgan
