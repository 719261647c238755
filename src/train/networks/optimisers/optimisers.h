// What each file of this folder adds to the table of optimisers.
#pragma once

#include "train/networks/optimiser.h"

namespace esrgan::train {

constexpr double optimiser_epsilon = 1e-8;  ///< beside the root, as PyTorch has it

std::unique_ptr<Optimiser> make_adam(const OptimiserRecipe& recipe, const FlatParameters& parameters);
std::unique_ptr<Optimiser> make_adamw(const OptimiserRecipe& recipe, const FlatParameters& parameters);
std::unique_ptr<Optimiser> make_schedule_free(const OptimiserRecipe& recipe,
                                              const FlatParameters& parameters);
std::unique_ptr<Optimiser> make_muon(const OptimiserRecipe& recipe, const FlatParameters& parameters);

}  // namespace esrgan::train
