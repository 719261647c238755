#include "train/data/preview.h"

#include <algorithm>
#include <cmath>

#include "image/float_image.h"
#include "train/data/sample_source.h"

namespace esrgan::train {
namespace {

constexpr int gap = 4;  // pixels between patches

/// Copies patch `index` of a batch, the middle one of several frames, its pixels repeated `zoom` times.
void draw(const BatchArray& patches, int index, int zoom, int left, int top, FloatImage& sheet) {
  const int side = static_cast<int>(patches.shape.back()), frames = static_cast<int>(patches.shape[1]) / 3;
  const float* patch = patches.sample(index) + static_cast<ptrdiff_t>(frames / 2) * 3 * side * side;
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < side * zoom; ++y)
      for (int x = 0; x < side * zoom; ++x)
        sheet.at(left + x, top + y, c) = patch[(c * side + y / zoom) * side + x / zoom];
}

}  // namespace

Image contact_sheet(const DataRecipe& recipe, int count) {
  const std::unique_ptr<SampleSource> source = recipe.open(recipe, 1);
  std::vector<Batch> batches;
  for (int made = 0; made < count; made += batches.back().count)
    batches.push_back(
        source->make(static_cast<int64_t>(batches.size()), 0, std::min(recipe.batch_size, count - made)));
  const int side = recipe.hr_size, views = recipe.sharpen ? 3 : 2;
  const int columns =
      std::max(1, static_cast<int>(std::lround(std::sqrt(static_cast<double>(count) / views * 1.5))));
  const int rows = (count + columns - 1) / columns, cell = views * (side + gap) + 2 * gap;
  FloatImage sheet(columns * cell, rows * (side + gap), 3);
  std::fill(sheet.pixels.begin(), sheet.pixels.end(), 1.0F);
  int place = 0;
  for (const Batch& batch : batches)
    for (int i = 0; i < batch.count; ++i, ++place) {
      int left = place % columns * cell;
      const int top = place / columns * (side + gap);
      draw(batch.at("lr"), i, recipe.scale, left, top, sheet);
      draw(batch.at("hr"), i, 1, left += side + gap, top, sheet);
      if (recipe.sharpen) draw(batch.at("sharp"), i, 1, left + side + gap, top, sheet);
    }
  return from_float_image(sheet, SampleType::u8, {});
}

}  // namespace esrgan::train
