// Patches of several pictures made one, so that a network sees more than the set has.
#pragma once

#include <cstddef>

#include "train/data/random.h"

namespace esrgan::train {

/// A part of a patch.
struct Rectangle {
  int left = 0, top = 0, side = 0;

  /// Anywhere in a patch of `whole` pixels a side; its own side is `share` of that.
  static Rectangle draw(int whole, double share, Random& random);
  Rectangle enlarged(int factor) const { return {left * factor, top * factor, side * factor}; }
};

/// What is done to patches, 3 x side x side.
struct Patch {
  int side = 0;

  size_t floats() const { return 3 * static_cast<size_t>(side) * static_cast<size_t>(side); }
  /// to = share * to + (1 - share) * from: mixup (Zhang et al. 2018, arXiv:1710.09412).
  void blend(const float* from, double share, float* to) const;
  /// A part of `to` becomes that of `from`: cutmix (Yun et al. 2019, arXiv:1905.04899).
  void copy_part(const float* from, const Rectangle& part, float* to) const;
  /// A part becomes that of a patch `scale` times as large, reduced by the mean of its pixels: cutblur (Yoo,
  /// Ahn and Sohn 2020, arXiv:2004.00448) for networks that take small pictures.
  void reduce_part(const float* large, int scale, const Rectangle& part, float* to) const;
};

}  // namespace esrgan::train
