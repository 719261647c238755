#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace esrgan::train {
namespace {

double cosine(const ScheduleRecipe& schedule, double rate, int64_t step) {
  size_t period = 0;
  int64_t begin = 0;
  while (period + 1 < schedule.periods.size() && step >= begin + schedule.periods[period])
    begin += schedule.periods[period++];
  const double weight = schedule.restart_weights.empty()
                            ? 1
                            : schedule.restart_weights[std::min(period, schedule.restart_weights.size() - 1)];
  const double share =
      std::min(1.0, static_cast<double>(step - begin) / static_cast<double>(schedule.periods[period]));
  return schedule.eta_min + weight / 2 * (rate - schedule.eta_min) * (1 + std::cos(std::numbers::pi * share));
}

}  // namespace

double learning_rate(const ScheduleRecipe& schedule, double rate, int64_t step) {
  double result = rate;
  if (schedule.kind == ScheduleRecipe::Kind::cosine && !schedule.periods.empty()) {
    result = cosine(schedule, rate, step);
  } else if (schedule.kind == ScheduleRecipe::Kind::multistep) {
    for (const int64_t milestone : schedule.milestones)
      if (step >= milestone) result *= schedule.gamma;
  }
  if (step < schedule.warmup) result *= static_cast<double>(step + 1) / static_cast<double>(schedule.warmup);
  return result;
}

ScheduleRecipe read_schedule(Settings settings, int64_t steps) {
  ScheduleRecipe s;
  using Kind = ScheduleRecipe::Kind;
  s.kind = settings.choose_as<Kind>(
      "type", {{"constant", Kind::constant}, {"multistep", Kind::multistep}, {"cosine", Kind::cosine}},
      Kind::constant);
  s.warmup = settings.at_least("warmup", int64_t{0}, int64_t{0});
  if (s.kind == Kind::multistep) {
    s.milestones = settings.require<std::vector<int64_t>>("milestones");
    s.gamma = settings.get("gamma", s.gamma);
  } else if (s.kind == Kind::cosine) {
    s.periods = settings.get("periods", std::vector<int64_t>{steps});
    s.restart_weights = settings.get("restart_weights", std::vector<double>{1});
    s.eta_min = settings.at_least("eta_min", 0.0, 0.0);
    if (s.periods.empty()) settings.refuse("periods", "the steps between restarts");
    for (const int64_t period : s.periods)
      if (period < 1) settings.refuse("periods", "positive numbers");
  }
  return s;
}

}  // namespace esrgan::train
