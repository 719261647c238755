#include "train/compress/calibration.h"

#include "train/data/patch_source.h"

namespace esrgan::train {

void for_each_batch(const CalibrationData& data, int scale,
                    const std::function<void(const torch::Tensor& small, const torch::Tensor& large)>& work) {
  DataRecipe recipe;
  recipe.scale = scale;
  SourceRecipe pictures;
  pictures.hr = data.folder;
  recipe.sources = {pictures};
  recipe.batch_size = 8;
  recipe.hr_size =
      data.patch / (2 * scale) * (2 * scale);  // small patches of even sides, for networks that fold
  const PatchSource source(recipe);
  for (int step = 0; step < data.batches; ++step) {
    Batch batch = source.make(step, 0, recipe.batch_size);
    const auto tensor = [&](const char* name) {
      BatchArray& array = batch.arrays.at(name);
      return torch::from_blob(array.values.data(), array.shape, torch::kFloat);
    };
    work(tensor("lr"), tensor("hr"));
  }
}

}  // namespace esrgan::train
