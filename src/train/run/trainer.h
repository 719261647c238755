// A training run from its recipe to its last step.
#pragma once

#include <stop_token>
#include <string>

#include "train/recipe.h"

namespace esrgan::train {

struct RunOptions {
  /// Whether to go on with a run that is there; if_there: or to begin it.
  enum class Resume { no, yes, if_there } resume = Resume::no;
  std::stop_token stop;  ///< the run ends after the step, with a checkpoint
};

/// Trains until the recipe's last step, a stop or an early end; together with other processes when a launcher
/// started several (launch.h). Returns whether the run is complete. Throws Error.
bool train(const Recipe& recipe, const RunOptions& options);

}  // namespace esrgan::train
