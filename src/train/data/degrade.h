// Whole pictures made small and bad, for measuring.
#pragma once

#include <cstdint>
#include <string>

#include "image/float_image.h"
#include "train/data/data_recipe.h"

namespace esrgan::train {

/// The picture, cropped to a multiple of the scale, as the recipe's network would be fed it: degraded, or
/// reduced by the published bicubic where the recipe has no degradation. RGB in [0, 1], of 8 bits. What is
/// drawn depends on the seed and the name.
FloatImage degraded(const FloatImage& picture, const DataRecipe& recipe, uint64_t seed,
                    const std::string& name);

}  // namespace esrgan::train
