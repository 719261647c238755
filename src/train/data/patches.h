// Patches of pictures: where they lie, how they are turned, how they are cut.
#pragma once

#include <utility>

#include "image/float_image.h"
#include "train/data/pictures.h"
#include "train/data/random.h"

namespace esrgan::train {

/// One of the eight symmetries of the square: transposed first, then mirrored.
struct Turn {
  bool mirror_x = false, mirror_y = false, transpose = false;

  static Turn draw(const DataRecipe& recipe, Random& random) {
    const bool mirror_x = random.chance(0.5), mirror_y = random.chance(0.5), transpose = random.chance(0.5);
    return {recipe.flip && mirror_x, recipe.rotate && mirror_y, recipe.rotate && transpose};
  }
};

/// Where the pixel (x, y) of a turned picture of this size is taken from.
std::pair<int, int> source_of(int x, int y, int width, int height, Turn turn);

/// Copies the patch at (left, top) to channel planes; `value(x, y, c)` is the picture.
template <typename Value>
void cut_patch(const Value& value, int left, int top, int side, Turn turn, float* to) {
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < side; ++y)
      for (int x = 0; x < side; ++x) {
        const auto [sx, sy] = source_of(x, y, side, side, turn);
        *to++ = value(left + sx, top + sy, c);
      }
}

FloatImage turned(const FloatImage& picture, Turn turn);

/// A stretch of a picture around a patch: `before` and `side` pixels, and some more.
struct Around {
  int before, side, size;
  /// The same, seen from the other end.
  Around mirrored(bool really) const { return {really ? size - before - side : before, side, size}; }
};

/// With what is needed around a patch so that its edges are rare where it is degraded, as far as the picture
/// goes. The compression's blocks begin at its corner: by a random pixel more they lie anywhere on the patch.
Around around(int begin, int side, int extent, Random& random);

/// Left and top of a patch: of `tries` random places the one with the steepest slopes.
std::pair<int, int> place(const PackedPicture& picture, int side, int tries, Random& random);

inline auto values_of(const PackedPicture& pixels) {
  return [&pixels](int x, int y, int c) {
    const size_t pixel = static_cast<size_t>(y) * static_cast<size_t>(pixels.width) + static_cast<size_t>(x);
    return static_cast<float>(pixels.samples[pixel * 3 + static_cast<size_t>(c)]) / 255;
  };
}

inline auto values_of(const FloatImage& picture) {
  return [&picture](int x, int y, int c) { return picture.at(x, y, c); };
}

}  // namespace esrgan::train
