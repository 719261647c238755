// Random numbers that are the same on every machine, and need no state to be kept between steps.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <numbers>

#include "base/mixed_bits.h"

namespace esrgan::train {

/// SplitMix64 (Steele, Lea and Flood 2014): small, and good enough for crops and noise. A generator is made
/// anew for every sample from what identifies it.
class Random {
 public:
  explicit Random(std::initializer_list<uint64_t> identity) {
    for (const uint64_t part : identity) state_ = mixed_bits(state_ ^ part) + increment;
  }

  /// From here on, of a frame of a clip: what is drawn within numbers() differs from frame to frame, all else
  /// is the same.
  void set_frame(int frame) { frame_ = frame; }
  /// Calls `draw` with what gives numbers such as noise has: this, or for a frame of a clip one of its own.
  template <typename Draw>
  void numbers(const Draw& draw) {
    if (frame_ < 0) return draw(*this);
    Random own{bits(), static_cast<uint64_t>(frame_)};
    draw(own);
  }

  uint64_t bits() { return mixed_bits(state_ += increment); }
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
  /// Beta distribution with both parameters `alpha` (Joehnk 1964).
  double beta(double alpha) {
    for (;;) {
      const double x = std::pow(uniform(), 1 / alpha), y = std::pow(uniform(), 1 / alpha);
      if (x + y > 0 && x + y <= 1) return x / (x + y);
    }
  }

 private:
  static constexpr uint64_t increment = 0x9E3779B97F4A7C15U;

  uint64_t state_ = 0;
  int frame_ = -1;
};

/// Draws from a Poisson distribution: by multiplication where the mean is small (Knuth 1969), otherwise by
/// transformed rejection (Hoermann 1993, algorithm PTRS).
class Poisson {
 public:
  explicit Poisson(double mean)
      : mean_(mean),
        least_(std::exp(-mean)),
        logarithm_(std::log(std::max(mean, 1e-300))),
        b_(0.931 + 2.53 * std::sqrt(mean)),
        a_(-0.059 + 0.02483 * b_),
        scale_(1.1239 + 1.1328 / (b_ - 3.4)),
        accepted_(0.9277 - 3.6224 / (b_ - 2)) {}

  double operator()(Random& random) const {
    if (mean_ <= 0) return 0;
    return mean_ < 10 ? by_multiplication(random) : by_rejection(random);
  }

 private:
  double by_multiplication(Random& random) const {
    double count = 0, product = random.uniform();
    while (product > least_) {
      product *= random.uniform();
      ++count;
    }
    return count;
  }

  double by_rejection(Random& random) const {
    for (;;) {
      const double u = random.uniform() - 0.5, v = random.uniform(), rest = 0.5 - std::abs(u);
      const double count = std::floor((2 * a_ / rest + b_) * u + mean_ + 0.43);
      if (rest >= 0.07 && v <= accepted_) return count;
      if (count < 0 || (rest < 0.013 && v > rest)) continue;
      if (std::log(v * scale_ / (a_ / (rest * rest) + b_)) <=
          count * logarithm_ - mean_ - log_factorial(count))
        return count;
    }
  }

  /// Of means up to 256, counts are far below the table's end.
  static double log_factorial(double count) {
    static const auto table = [] {
      std::array<double, 2048> made{};
      for (size_t i = 1; i < made.size(); ++i) made[i] = made[i - 1] + std::log(static_cast<double>(i));
      return made;
    }();
    return table[std::min(static_cast<size_t>(count), table.size() - 1)];
  }

  double mean_, least_, logarithm_, b_, a_, scale_, accepted_;
};

}  // namespace esrgan::train
