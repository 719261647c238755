// Numbers as they lie in rows of pictures.
#pragma once

#include <esrgan/image.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/half.h"

namespace esrgan {

/// Calls `function` with a number of the type that stores such samples.
template <typename Function>
auto with_number_type(SampleType type, const Function& function) {
  switch (type) {
    case SampleType::u8:
      return function(uint8_t{});
    case SampleType::i8:
      return function(int8_t{});
    case SampleType::u16:
    case SampleType::f16:  // its bits
      return function(uint16_t{});
    case SampleType::i16:
      return function(int16_t{});
    case SampleType::u32:
      return function(uint32_t{});
    case SampleType::i32:
      return function(int32_t{});
    default:
      return function(float{});
  }
}

inline double stored_value(const std::byte* from, SampleType type) {
  return with_number_type(type, [&](auto number) {
    std::memcpy(&number, from, sizeof number);
    if constexpr (std::is_same_v<decltype(number), uint16_t>)
      if (type == SampleType::f16) return static_cast<double>(float_from_half(number));
    return static_cast<double>(number);
  });
}

/// Whole numbers are rounded to nearest; within the type's range.
inline void store_value(double value, SampleType type, std::byte* to) {
  with_number_type(type, [&](auto number) {
    using Number = decltype(number);
    if constexpr (std::numeric_limits<Number>::is_integer)
      number = type == SampleType::f16
                   ? static_cast<Number>(half_from_float(static_cast<float>(value)))
                   : static_cast<Number>(std::clamp(
                         std::nearbyint(value), static_cast<double>(std::numeric_limits<Number>::lowest()),
                         static_cast<double>(std::numeric_limits<Number>::max())));
    else
      number = static_cast<Number>(value);
    std::memcpy(to, &number, sizeof number);
  });
}

}  // namespace esrgan
