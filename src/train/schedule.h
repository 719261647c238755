// Learning rates as functions of the step alone, so that a run that goes on needs nothing but its step.
#pragma once

#include <cstdint>
#include <vector>

#include "train/settings.h"

namespace esrgan::train {

struct ScheduleRecipe {
  enum class Kind { constant, multistep, cosine } kind = Kind::constant;
  std::vector<int64_t> milestones;  ///< multistep: steps at which the rate is multiplied by gamma
  double gamma = 0.5;               ///< multistep
  std::vector<int64_t>
      periods;  ///< cosine: steps until each restart; after the last the rate stays at its end
  std::vector<double> restart_weights;  ///< cosine: of each period; one for all when shorter
  double eta_min = 0;                   ///< cosine: the lowest rate
  int64_t warmup = 0;                   ///< steps over which the rate grows linearly from nearly zero
};

/// The rate of step `step` (from 0) when the recipe's rate is `rate`. Cosine annealing with restarts:
/// Loshchilov and Hutter 2017 (arXiv:1608.03983), eta_min + w/2 (rate - eta_min) (1 + cos(pi t/T)).
/// A warm-up multiplies what the schedule gives (BasicSR's: the first rate), and a period that ends restarts
/// in the next step (BasicSR's: has its lowest rate for one step more).
double learning_rate(const ScheduleRecipe& schedule, double rate, int64_t step);

/// The section `scheduler` of a run of so many steps.
ScheduleRecipe read_schedule(Settings settings, int64_t steps);

}  // namespace esrgan::train
