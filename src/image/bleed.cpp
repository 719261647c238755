#include "image/bleed.h"

#include <algorithm>

#include "image/float_image.h"

namespace esrgan {
namespace {

/// Averages of 2x2 pixels weighted by alpha; the last channel becomes the mean alpha.
FloatImage pull(const FloatImage& fine) {
  FloatImage coarse((fine.width + 1) / 2, (fine.height + 1) / 2, fine.channels);
  const int alpha = fine.channels - 1;
  for (int y = 0; y < coarse.height; ++y)
    for (int x = 0; x < coarse.width; ++x) {
      float weight = 0;
      for (int fy = 2 * y; fy < std::min(2 * y + 2, fine.height); ++fy)
        for (int fx = 2 * x; fx < std::min(2 * x + 2, fine.width); ++fx) {
          const float a = fine.at(fx, fy, alpha);
          for (int c = 0; c < alpha; ++c) coarse.at(x, y, c) += a * fine.at(fx, fy, c);
          weight += a;
        }
      for (int c = 0; weight > 0 && c < alpha; ++c) coarse.at(x, y, c) /= weight;
      coarse.at(x, y, alpha) = std::min(weight, 1.0F);
    }
  return coarse;
}

/// Fills invisible pixels of `fine` from `coarse`, in which all are filled.
void push(const FloatImage& coarse, FloatImage& fine) {
  const int alpha = fine.channels - 1;
  for (int y = 0; y < fine.height; ++y)
    for (int x = 0; x < fine.width; ++x)
      for (int c = 0; fine.at(x, y, alpha) <= 0 && c < alpha; ++c)
        fine.at(x, y, c) = coarse.at(x / 2, y / 2, c);
}

void fill(FloatImage& picture) {
  if (picture.width == 1 && picture.height == 1) return;
  FloatImage coarse = pull(picture);
  fill(coarse);
  push(coarse, picture);
}

}  // namespace

void bleed_colours(Image& image) {
  if (!image.info.has_alpha()) return;
  FloatImage picture = to_float_image(image);
  const int alpha = picture.channels - 1;
  bool any = false;
  for (auto i = static_cast<size_t>(alpha); i < picture.pixels.size() && !any;
       i += static_cast<size_t>(picture.channels))
    any = picture.pixels[i] <= 0;
  if (!any) return;
  fill(picture);
  image = from_float_image(picture, image.info.type, image.info);
}

}  // namespace esrgan
