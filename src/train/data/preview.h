// What the network is really fed, as a picture.
#pragma once

#include <esrgan/image.h>

#include "train/data/data_recipe.h"

namespace esrgan::train {

/// A contact sheet of the first `count` samples of a recipe: for each the small patch, enlarged by repeating
/// its pixels, and the large one; with sharpened targets these, too. 8 bits.
Image contact_sheet(const DataRecipe& recipe, int count);

}  // namespace esrgan::train
