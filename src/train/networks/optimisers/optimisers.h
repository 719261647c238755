// What each file of this folder adds to the table of optimisers.
#pragma once

#include "train/networks/optimiser.h"

namespace esrgan::train {

constexpr double optimiser_epsilon = 1e-8;  ///< beside the root, as PyTorch has it

/// Adam's moments (Kingma and Ba 2015, arXiv:1412.6980), as PyTorch computes them: epsilon stands beside the
/// corrected root.
struct Moments {
  torch::Tensor mean, square;
  torch::Tensor root;  ///< of the corrected square
  double share = 0;    ///< by which the mean is corrected: the direction is mean / root / share

  explicit Moments(const torch::Tensor& like)
      : mean(torch::zeros_like(like)), square(torch::zeros_like(like)) {}
  /// Of the gradient of step `steps`, counted from 1.
  void add(const torch::Tensor& gradient, const OptimiserRecipe& recipe, int64_t steps);
  std::vector<std::pair<std::string, torch::Tensor*>> memory() {
    return {{"mean", &mean}, {"square", &square}};
  }
};

std::unique_ptr<Optimiser> make_adam(const OptimiserRecipe& recipe, const FlatParameters& parameters);
std::unique_ptr<Optimiser> make_adamw(const OptimiserRecipe& recipe, const FlatParameters& parameters);
std::unique_ptr<Optimiser> make_schedule_free(const OptimiserRecipe& recipe,
                                              const FlatParameters& parameters);
std::unique_ptr<Optimiser> make_muon(const OptimiserRecipe& recipe, const FlatParameters& parameters);

}  // namespace esrgan::train
