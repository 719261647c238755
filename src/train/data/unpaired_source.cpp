#include "train/data/unpaired_source.h"

#include <utility>

#include "train/data/fingerprint.h"

namespace esrgan::train {
namespace {

DataRecipe of_large(const DataRecipe& recipe) {
  DataRecipe large = recipe;
  large.sources = {recipe.sources.front()};
  return large;
}

DataRecipe of_small(const DataRecipe& recipe) {
  DataRecipe small = recipe;
  small.sources = {recipe.sources.back()};
  small.hr_size = recipe.hr_size / recipe.scale;
  small.scale = 1;
  small.seed = recipe.seed + 1;  // places that do not go along with the large ones'
  return small;
}

}  // namespace

UnpairedSource::UnpairedSource(const DataRecipe& recipe, int sharing)
    : large_(of_large(recipe), 2 * sharing), small_(of_small(recipe), 2 * sharing) {}

Batch UnpairedSource::make(int64_t step, int first, int count) const {
  Batch batch = large_.make(step, first, count);
  batch.arrays["lr"] = std::move(small_.make(step, first, count).arrays.at("hr"));
  return batch;
}

uint64_t UnpairedSource::fingerprint() const {
  Fingerprint print;
  for (const PatchSource* source : {&large_, &small_}) print.add(std::to_string(source->fingerprint()));
  return print.value();
}

}  // namespace esrgan::train
