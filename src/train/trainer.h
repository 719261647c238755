// A training run from its recipe to its last step.
#pragma once

#include <atomic>
#include <memory>

#include "train/recipe.h"

namespace esrgan::train {

struct RunOptions {
  bool resume = false;
  const std::atomic<bool>* stop = nullptr;  ///< the run ends after the step, with a checkpoint
};

/// Trains until the recipe's last step, a stop or an early end. Returns whether the run is complete. Throws
/// Error.
bool train(const Recipe& recipe, const RunOptions& options);

/// Prints, without training: the resolved recipe, parameter counts, an estimate of the memory, the first
/// batch's shapes.
void dry_run(const Recipe& recipe);

}  // namespace esrgan::train
