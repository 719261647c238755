// Optimisers: what becomes of gradients.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "train/networks/parameters.h"
#include "train/settings.h"

namespace esrgan::train {

struct OptimiserKind;

struct OptimiserRecipe {
  const OptimiserKind* kind = nullptr;
  double rate = 1e-4;
  double beta1 = 0.9, beta2 = 0.99;
  double weight_decay = 0;
};

/// Changes the parameters of one network, step by step.
class Optimiser {
 public:
  virtual ~Optimiser() = default;
  virtual void step(FlatParameters& parameters, double rate) = 0;
  /// What it remembers, with the names that it has in checkpoints: flat tensors like the parameters.
  virtual std::vector<std::pair<std::string, torch::Tensor*>> memory() = 0;
  /// Likewise, numbers.
  virtual std::vector<std::pair<std::string, double*>> numbers() { return {}; }
  /// The parameters that are to be used, where they are not those that learn.
  virtual torch::Tensor result(const torch::Tensor& parameters) const { return parameters; }

  int64_t steps = 0;  ///< taken so far
};

struct OptimiserKind {
  const char* name;  ///< in recipes
  std::unique_ptr<Optimiser> (*make)(const OptimiserRecipe& recipe, const FlatParameters& parameters);
  bool needs_beta1 = false;  ///< above 0
};

/// The section of an optimiser. `rate_in_train`: the mission's other place for the rate, train.lr_G.
OptimiserRecipe read_optimiser(Settings settings, Settings& train, const std::string& rate_in_train);

/// The one that the recipe names.
std::unique_ptr<Optimiser> make_optimiser(const OptimiserRecipe& recipe, const FlatParameters& parameters);

}  // namespace esrgan::train
