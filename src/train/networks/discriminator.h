// The networks that tell real pictures from enlarged ones.
#pragma once

#include <memory>

#include "train/networks/torch_support.h"
#include "train/recipe.h"

namespace esrgan::train {

/// Input n x 3 x h x w in [0, 1]. VGG and SRGAN: n x 1 logits, for patches of exactly
/// recipe.input_size; U-Net: one logit for each pixel. Tensor names are BasicSR's.
std::shared_ptr<Layer> make_discriminator(const DiscriminatorRecipe& recipe);

}  // namespace esrgan::train
