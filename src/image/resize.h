// Resampling: the bicubic that all published tables use, and Lanczos for final sizes.
#pragma once

#include <memory>
#include <vector>

#include "image/float_image.h"
#include "image/rows.h"

namespace esrgan {

/// How one axis is resampled: output i is the sum of weights[i * taps + t] * input[indices[i * taps + t]].
struct AxisWeights {
  int taps = 0;
  std::vector<int> indices;
  std::vector<double> weights;
  int size() const { return taps > 0 ? static_cast<int>(indices.size()) / taps : 0; }
};

enum class Filter { bicubic, lanczos3 };

/// Keys' cubic with a = -1/2, at a distance in samples.
double cubic_weight(double x);

/// Weights from `in` to `out` samples, with antialiasing when `scale` < 1, symmetric at the edges.
/// Formulas: MATLAB's imresize (contributions), as written down in docs/evaluation.md.
AxisWeights make_axis(int in, int out, double scale, Filter filter);

/// MATLAB's imresize(picture, scale) with its default, antialiased bicubic: ceil(size * scale), columns
/// first, then rows. Like MATLAB on an integer image, it rounds to the levels of `type` after each of the two
/// passes: the reduced pictures that are handed around with Set5 come out bit for bit so, and not otherwise.
/// Floating-point types are neither rounded nor clamped.
FloatImage resize_bicubic(const FloatImage& picture, double scale, SampleType type);

/// Lanczos-3 to a given size.
FloatImage resize_lanczos(const FloatImage& picture, int width, int height);

/// A sink that enlarges or reduces what it takes from `from` to `width` x `height` by Lanczos-3 and hands it
/// on; holds no more rows than the filter is high.
std::unique_ptr<RowSink> make_lanczos_sink(const ImageInfo& from, int width, int height,
                                           std::unique_ptr<RowSink> next);

/// Bytes such a sink holds.
size_t lanczos_sink_memory(const ImageInfo& from, int width, int height);

}  // namespace esrgan
