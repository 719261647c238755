// Optimisers: what becomes of gradients.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "train/networks/parameters.h"
#include "train/recipe.h"

namespace esrgan::train {

/// Changes the parameters of one network, step by step.
class Optimiser {
 public:
  virtual ~Optimiser() = default;
  virtual void step(FlatParameters& parameters, double rate) = 0;
  /// What it remembers, with the names that it has in checkpoints: flat tensors like the parameters.
  virtual std::vector<std::pair<std::string, torch::Tensor*>> memory() = 0;

  int64_t steps = 0;  ///< taken so far
};

/// The one that the recipe names.
std::unique_ptr<Optimiser> make_optimiser(const OptimizerRecipe& recipe, const FlatParameters& parameters);

}  // namespace esrgan::train
