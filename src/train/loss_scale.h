// Half precision's range is short: losses are scaled up so that small gradients stay above zero (Micikevicius
// et al. 2018, arXiv:1710.03740, section 3.2), as far as large ones allow.
#pragma once

#include <cstdint>

namespace esrgan::train {

class LossScale {
 public:
  /// Off, the factor is 1 and every step is taken.
  explicit LossScale(bool on) : factor_(on ? 65536 : 1), on_(on) {}

  /// What losses are to be multiplied by, and gradients divided.
  double factor() const { return factor_; }

  /// Tells whether a step's gradients were finite; false: they are to be dropped, and the factor is half from
  /// now on. After 2000 finite steps in a row it doubles.
  bool accept(bool finite) {
    if (!on_) return true;
    constexpr int64_t growth_interval = 2000;
    constexpr double least = 1.0 / 65536;
    if (!finite) {
      factor_ = factor_ > least ? factor_ / 2 : factor_;
      finite_steps_ = 0;
      return false;
    }
    if (++finite_steps_ == growth_interval) {
      factor_ *= 2;
      finite_steps_ = 0;
    }
    return true;
  }

  int64_t finite_steps() const { return finite_steps_; }
  void restore(double factor, int64_t finite_steps) {
    factor_ = factor;
    finite_steps_ = finite_steps;
  }

 private:
  double factor_;
  bool on_;
  int64_t finite_steps_ = 0;
};

}  // namespace esrgan::train
