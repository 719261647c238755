// Numbers that are drawn anew for every sample: ranges, probabilities, weights.
#pragma once

#include <array>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "train/data/random.h"
#include "train/settings.h"

namespace esrgan::train {

struct Range {
  double low = 0, high = 0;

  double draw(Random& random) const { return random.uniform(low, high); }
};

/// Two ascending numbers, no less than `least` and no more than `most`.
inline Range read_range(Settings& settings, const std::string& key, const Range& fallback, double least,
                        double most) {
  const auto found = settings.get(key, std::vector<double>{fallback.low, fallback.high});
  if (found.size() != 2 || !(found[0] >= least && found[0] <= found[1] && found[1] <= most))
    settings.refuse(key, "two ascending numbers");
  return {found[0], found[1]};
}

inline double read_probability(Settings& settings, const std::string& key, double fallback) {
  const double found = settings.at_least(key, 0.0, fallback);
  if (found > 1) settings.refuse(key, "a number between 0 and 1");
  return found;
}

template <size_t Count>
std::array<double, Count> read_shares(Settings& settings, const std::string& key,
                                      const std::array<double, Count>& fallback) {
  const auto found = settings.get(key, std::vector<double>(fallback.begin(), fallback.end()));
  double sum = 0;
  for (const double weight : found) sum += weight >= 0 ? weight : std::nan("");
  if (found.size() != Count || !(sum > 0)) settings.refuse(key, std::to_string(Count) + " weights");
  std::array<double, Count> result{};
  std::copy(found.begin(), found.end(), result.begin());
  return result;
}

/// An index, by weights.
inline size_t choose(std::span<const double> weights, Random& random) {
  double sum = 0;
  for (const double weight : weights) sum += weight;
  double place = random.uniform(0, sum);
  size_t chosen = 0;
  while (chosen + 1 < weights.size() && place >= weights[chosen]) place -= weights[chosen++];
  return chosen;
}

}  // namespace esrgan::train
