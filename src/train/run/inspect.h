// Looks at a run before it is made: what its recipe means, where a step's time goes.
#pragma once

#include <string>

#include "train/recipe.h"

namespace esrgan::train {

/// Prints, without training: the resolved recipe, parameter counts, an estimate of the memory, the first
/// batch's shapes.
void dry_run(const Recipe& recipe);

/// Trains a few steps without a run's folder, prints where their time goes, and writes it in detail (see
/// trace.h).
void profile(const Recipe& recipe, int steps, const std::string& trace_file);

}  // namespace esrgan::train
