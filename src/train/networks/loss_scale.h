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

  /// Whether a smaller factor could help where gradients are not finite.
  bool can_fall() const { return on_ && factor_ > least; }

  /// For a checkpoint: the factor, or 0 where it is off.
  double saved_factor() const { return on_ ? factor_ : 0; }
  int64_t finite_steps() const { return finite_steps_; }
  /// What a run without one has saved leaves everything as it is, and so does anything where it is off.
  void restore(double saved_factor, int64_t finite_steps) {
    if (!on_ || saved_factor <= 0) return;
    factor_ = saved_factor;
    finite_steps_ = finite_steps;
  }

 private:
  static constexpr double least = 1.0 / 65536;

  double factor_;
  bool on_;
  int64_t finite_steps_ = 0;
};

}  // namespace esrgan::train
