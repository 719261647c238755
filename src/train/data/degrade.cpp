#include "train/data/degrade.h"

#include "image/resize.h"
#include "train/data/degradations/degradation.h"
#include "train/data/fingerprint.h"
#include "train/data/random.h"

namespace esrgan::train {

FloatImage degraded(const FloatImage& picture, const DataRecipe& recipe, uint64_t seed,
                    const std::string& name) {
  FloatImage rgb(picture.width, picture.height, 3);
  paste(picture, rgb, 0, 0);
  rgb = crop_to_multiple(rgb, recipe.scale);
  if (!recipe.degradation) return resize_bicubic(rgb, 1.0 / recipe.scale, SampleType::u8);
  Fingerprint print;
  print.add(name);
  Random random{seed, 0xBAD, print.value()};
  return recipe.degradation->degrade(rgb, recipe.scale, random);
}

}  // namespace esrgan::train
