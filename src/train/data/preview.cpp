#include "train/data/preview.h"

#include <algorithm>
#include <cmath>

#include "image/float_image.h"
#include "train/data/batches.h"

namespace esrgan::train {
namespace {

constexpr int gap = 4;  // pixels between patches

/// Copies patch `index` of a batch, its pixels repeated `zoom` times.
void draw(const std::vector<float>& patches, int index, int side, int zoom, int left, int top,
          FloatImage& sheet) {
  const float* patch = patches.data() + static_cast<ptrdiff_t>(index) * 3 * side * side;
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < side * zoom; ++y)
      for (int x = 0; x < side * zoom; ++x)
        sheet.at(left + x, top + y, c) = patch[(c * side + y / zoom) * side + x / zoom];
}

}  // namespace

Image contact_sheet(const Recipe& recipe, int count) {
  const BatchMaker maker(recipe.data, recipe.generator.scale, recipe.seed);
  std::vector<Batch> batches;
  for (int made = 0; made < count; made += batches.back().count)
    batches.push_back(
        maker.make(static_cast<int64_t>(batches.size()), 0, std::min(recipe.data.batch_size, count - made)));
  const int side = recipe.data.hr_size, views = batches[0].sharp.empty() ? 2 : 3;
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
      draw(batch.lr, i, batch.lr_size, recipe.generator.scale, left, top, sheet);
      draw(batch.hr, i, side, 1, left += side + gap, top, sheet);
      if (views == 3) draw(batch.sharp, i, side, 1, left + side + gap, top, sheet);
    }
  return from_float_image(sheet, SampleType::u8, {});
}

}  // namespace esrgan::train
