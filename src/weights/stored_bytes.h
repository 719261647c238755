// Floats as files store them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "weights/state_dict.h"

namespace esrgan {

/// Little-endian elements, the inverse of to_float(). `type` is f32 or f16.
std::vector<uint8_t> stored_bytes(std::span<const float> values, ElementType type);

}  // namespace esrgan
