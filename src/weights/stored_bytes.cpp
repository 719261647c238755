#include "weights/stored_bytes.h"

#include <cstring>

#include "base/half.h"

namespace esrgan {

std::vector<uint8_t> stored_bytes(std::span<const float> values, ElementType type) {
  std::vector<uint8_t> bytes(values.size() * size_of(type));
  if (type == ElementType::f32) {
    if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  }
  uint8_t* out = bytes.data();
  for (const float value : values) {
    const uint16_t half = half_from_float(value);
    std::memcpy(out, &half, sizeof half);
    out += sizeof half;
  }
  return bytes;
}

}  // namespace esrgan
