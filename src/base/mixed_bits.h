// A number of which every bit depends on every bit of another.
#pragma once

#include <cstdint>

namespace esrgan {

/// SplitMix64's last step (Steele, Lea and Flood 2014): different numbers give different ones.
constexpr uint64_t mixed_bits(uint64_t z) {
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

}  // namespace esrgan
