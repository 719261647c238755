// Numbers as they lie in rows of pictures.
#pragma once

#include <esrgan/image.h>

#include <cstddef>
#include <cstring>

namespace esrgan {

/// Of a type whose values all are doubles; float16 is none of those that encoders of measurements get.
inline double stored_value(const std::byte* from, SampleType type) {
  const auto take = [&](auto typed) {
    std::memcpy(&typed, from, sizeof typed);
    return static_cast<double>(typed);
  };
  switch (type) {
    case SampleType::u8:
      return take(uint8_t{});
    case SampleType::i16:
      return take(int16_t{});
    case SampleType::u32:
      return take(uint32_t{});
    case SampleType::i32:
      return take(int32_t{});
    default:
      return take(float{});
  }
}

}  // namespace esrgan
