#include "train/data/task_source.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "train/data/degradations/filters.h"
#include "train/data/patches.h"

namespace esrgan::train {
namespace {

constexpr size_t denoise = 0, deblur = 1;  // places in task_names
constexpr int margin = 6;                  // pixels of the small picture around a patch

DataRecipe with_margin(DataRecipe recipe) {
  recipe.hr_size += 2 * margin * recipe.scale;
  return recipe;
}

/// Channel planes of a square, one after the other.
auto values_of(const float* planes, int side) {
  return [planes, side](int x, int y, int c) {
    return planes[(static_cast<ptrdiff_t>(c) * side + y) * side + x];
  };
}

FloatImage picture_of(const float* planes, int side) {
  FloatImage picture(side, side, 3);
  const auto value = values_of(planes, side);
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < side; ++y)
      for (int x = 0; x < side; ++x) picture.at(x, y, c) = value(x, y, c);
  return picture;
}

TaskStrengths draw(const TaskRecipe& recipe, Random& random) {
  TaskStrengths strengths{};
  for (float& strength : strengths)
    if (random.chance(recipe.share)) strength = static_cast<float>(1 - random.uniform());
  return strengths;
}

}  // namespace

FloatImage damaged(FloatImage small, const TaskRecipe& recipe, const TaskStrengths& strengths,
                   Random& random) {
  if (strengths[deblur] > 0) {
    const double sigma = recipe.blur * static_cast<double>(strengths[deblur]);
    small = gaussian_blurred(small, 2 * static_cast<int>(std::ceil(3 * sigma)) + 1, sigma);
  }
  if (strengths[denoise] > 0)
    for (float& value : small.pixels)
      value +=
          static_cast<float>(recipe.noise / 255 * static_cast<double>(strengths[denoise]) * random.normal());
  clamp_to_range(small);
  quantise(small);
  return small;
}

TaskSource::TaskSource(const DataRecipe& recipe, int sharing)
    : recipe_(recipe), patches_(with_margin(recipe), sharing) {}

Batch TaskSource::make(int64_t step, int first, int count) const {
  const Batch wide = patches_.make(step, first, count);
  const int large = recipe_.hr_size, small = large / recipe_.scale, around = small + 2 * margin;
  const auto tasks = static_cast<int>(task_names.size());
  Batch batch;
  batch.count = count;
  BatchArray &hr = batch.add("hr", {count, 3, large, large}),
             &lr = batch.add("lr", {count, 3 + tasks, small, small}),
             &restored = batch.add("restored", {count, 3, small, small});
  for (int i = 0; i < count; ++i) {
    const int around_large = margin * recipe_.scale;
    cut_patch(values_of(wide.at("hr").sample(i), large + 2 * around_large), around_large, around_large, large,
              {}, hr.sample(i));
    cut_patch(values_of(wide.at("lr").sample(i), around), margin, margin, small, {}, restored.sample(i));
    const uint64_t position = static_cast<uint64_t>(step) * static_cast<uint64_t>(recipe_.batch_size) +
                              static_cast<uint64_t>(first + i);
    Random random{recipe_.seed, 0x7A5C, position};
    const TaskStrengths strengths = draw(recipe_.tasks, random);
    const FloatImage bad =
        damaged(picture_of(wide.at("lr").sample(i), around), recipe_.tasks, strengths, random);
    cut_patch(train::values_of(bad), margin, margin, small, {}, lr.sample(i));
    const ptrdiff_t plane = static_cast<ptrdiff_t>(small) * small;
    for (int t = 0; t < tasks; ++t)
      std::fill_n(lr.sample(i) + (3 + t) * plane, plane, strengths.at(static_cast<size_t>(t)));
  }
  return batch;
}

}  // namespace esrgan::train
