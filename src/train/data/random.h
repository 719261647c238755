// Random numbers that are the same on every machine, and need no state to be kept between steps.
#pragma once

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <numbers>

namespace esrgan::train {

/// SplitMix64 (Steele, Lea and Flood 2014): small, and good enough for crops and noise. A generator is made
/// anew for every sample from what identifies it.
class Random {
 public:
  explicit Random(std::initializer_list<uint64_t> identity) {
    for (const uint64_t part : identity) state_ = mix(state_ ^ part) + increment;
  }

  // What the standard library's distributions ask of a generator.
  using result_type = uint64_t;
  static constexpr uint64_t min() { return 0; }
  static constexpr uint64_t max() { return ~uint64_t{0}; }
  uint64_t operator()() { return bits(); }

  uint64_t bits() { return mix(state_ += increment); }
  /// In [0, 1).
  double uniform() { return static_cast<double>(bits() >> 11U) * 0x1p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// In [0, count).
  uint64_t below(uint64_t count) { return static_cast<uint64_t>(uniform() * static_cast<double>(count)); }
  bool chance(double probability) { return uniform() < probability; }
  /// Normal with mean 0 and variance 1 (Box and Muller 1958).
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  static constexpr uint64_t increment = 0x9E3779B97F4A7C15U;
  static uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }

  uint64_t state_ = 0;
};

}  // namespace esrgan::train
