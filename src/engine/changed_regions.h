// What of a picture differs from the one before.
#pragma once

#include <vector>

namespace esrgan {

/// Pixels [left, right) x [top, bottom).
struct Rectangle {
  int left = 0, top = 0, right = 0, bottom = 0;

  bool operator==(const Rectangle&) const = default;
  int width() const { return right - left; }
  int height() const { return bottom - top; }
  double area() const { return static_cast<double>(width()) * height(); }
  /// With a margin on all sides, outwards to multiples of `multiple`, inside width x height.
  Rectangle grown(int margin, int multiple, int width, int height) const;
};

/// Rectangles that hold all pixels in which two pictures of the same size differ, few and so cut that their
/// area, each grown by `margin`, is small; none where the pictures are equal. Both are
/// [height][width][channels].
std::vector<Rectangle> changed_regions(const std::vector<float>& before, const std::vector<float>& now,
                                       int width, int height, int channels, int margin);

}  // namespace esrgan
