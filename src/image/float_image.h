// A picture of floats for algorithms that need all of it.
#pragma once

#include <esrgan/image.h>

#include <cstddef>
#include <vector>

namespace esrgan {

/// Channels interleaved, rows from top to bottom, values usually in [0, 1].
struct FloatImage {
  int width = 0, height = 0, channels = 0;
  std::vector<float> pixels;

  FloatImage() = default;
  FloatImage(int w, int h, int c)
      : width(w),
        height(h),
        channels(c),
        pixels(static_cast<size_t>(w) * static_cast<size_t>(h) * static_cast<size_t>(c)) {}

  size_t row_samples() const { return static_cast<size_t>(width) * static_cast<size_t>(channels); }
  float* row(int y) { return pixels.data() + static_cast<size_t>(y) * row_samples(); }
  const float* row(int y) const { return pixels.data() + static_cast<size_t>(y) * row_samples(); }
  float& at(int x, int y, int c) { return row(y)[x * channels + c]; }
  float at(int x, int y, int c) const { return row(y)[x * channels + c]; }
};

/// Samples of `image` as floats.
FloatImage to_float_image(const Image& image);

/// The same picture stored as `type`, with the metadata and so on of `like`.
Image from_float_image(const FloatImage& picture, SampleType type, const ImageInfo& like);

/// A part, which must lie within the picture.
FloatImage cut(const FloatImage& from, int left, int top, int width, int height);

/// Puts a picture into a larger RGB one: colours without alpha, gray as colours.
void paste(const FloatImage& from, FloatImage& rgb, int left, int top);

/// The colours without alpha, laid over white.
FloatImage over_white(const FloatImage& picture);

/// The top left part whose sides are multiples of `multiple`.
FloatImage crop_to_multiple(const FloatImage& picture, int multiple);

/// Values as they are after storing with 8 bits.
void quantise(FloatImage& picture);

}  // namespace esrgan
