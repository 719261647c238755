#include "train/data/degradations/filters.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "image/resize.h"

namespace esrgan::train {
namespace {

/// Index beyond the edges, mirrored without repeating the edge (PyTorch's "reflect").
int reflected(int i, int size) {
  if (size == 1) return 0;
  const int period = 2 * (size - 1);
  i = ((i % period) + period) % period;
  return i < size ? i : period - i;
}

/// The picture with `border` mirrored pixels on all sides.
FloatImage bordered(const FloatImage& picture, int border) {
  FloatImage result(picture.width + 2 * border, picture.height + 2 * border, picture.channels);
  for (int y = 0; y < result.height; ++y)
    for (int x = 0; x < result.width; ++x)
      for (int c = 0; c < picture.channels; ++c)
        result.at(x, y, c) =
            picture.at(reflected(x - border, picture.width), reflected(y - border, picture.height), c);
  return result;
}

/// PyTorch's interpolate() to a size: no antialiasing but for "area", half-pixel centres, edges repeated,
/// cubic with a = -3/4. (By scale_factor, as the published degradation calls it, it steps by that factor and
/// not by the sizes' ratio, which shifts what does not divide evenly.)
AxisWeights interpolation_axis(int in, int out, Interpolation interpolation) {
  AxisWeights axis;
  const double step = static_cast<double>(in) / out;
  axis.taps = interpolation == Interpolation::bilinear  ? 2
              : interpolation == Interpolation::bicubic ? 4
                                                        : static_cast<int>(std::ceil(step)) + 1;
  const auto cubic = [](double d) {
    constexpr double a = -0.75;
    d = std::abs(d);
    if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
  };
  for (int i = 0; i < out; ++i) {
    const double centre = (i + 0.5) * step - 0.5;
    const int first = interpolation == Interpolation::area
                          ? static_cast<int>(static_cast<int64_t>(i) * in / out)
                          : static_cast<int>(std::floor(centre)) - axis.taps / 2 + 1;
    const int end = static_cast<int>((static_cast<int64_t>(i + 1) * in + out - 1) / out);
    for (int t = 0; t < axis.taps; ++t) {
      const int index = first + t;
      double weight = 0;
      if (interpolation == Interpolation::area)
        weight = index < end ? 1.0 / (end - first) : 0;
      else if (interpolation == Interpolation::bicubic)
        weight = cubic(centre - index);
      else
        weight = std::max(0.0, 1 - std::abs(std::max(0.0, centre) - index));
      axis.indices.push_back(std::clamp(index, 0, in - 1));
      axis.weights.push_back(weight);
    }
  }
  return axis;
}

/// Lanczos of three lobes, as wide as what is reduced asks for.
AxisWeights lanczos_axis(int in, int out) {
  constexpr double lobes = 3;
  AxisWeights axis;
  const double step = static_cast<double>(in) / out, width = std::max(1.0, step);
  axis.taps = 2 * static_cast<int>(std::ceil(lobes * width)) + 1;
  const auto sinc = [](double x) {
    return x == 0 ? 1 : std::sin(std::numbers::pi * x) / (std::numbers::pi * x);
  };
  for (int i = 0; i < out; ++i) {
    const double centre = (i + 0.5) * step - 0.5;
    const int first = static_cast<int>(std::lround(centre)) - axis.taps / 2;
    std::vector<double> weights;
    double sum = 0;
    for (int t = 0; t < axis.taps; ++t) {
      const double place = (first + t - centre) / width;
      weights.push_back(std::abs(place) < lobes ? sinc(place) * sinc(place / lobes) : 0);
      sum += weights.back();
    }
    for (int t = 0; t < axis.taps; ++t) {
      axis.indices.push_back(std::clamp(first + t, 0, in - 1));
      axis.weights.push_back(weights[static_cast<size_t>(t)] / sum);
    }
  }
  return axis;
}

AxisWeights nearest_axis(int in, int out) {
  AxisWeights axis;
  axis.taps = 1;
  for (int i = 0; i < out; ++i) {
    axis.indices.push_back(static_cast<int>(static_cast<int64_t>(i) * in / out));
    axis.weights.push_back(1);
  }
  return axis;
}

AxisWeights axis_of(int in, int out, Interpolation interpolation) {
  switch (interpolation) {
    case Interpolation::lanczos:
      return lanczos_axis(in, out);
    case Interpolation::nearest:
      return nearest_axis(in, out);
    case Interpolation::area:
    case Interpolation::bilinear:
    case Interpolation::bicubic:
      break;
  }
  return interpolation_axis(in, out, interpolation);
}

}  // namespace

FloatImage blurred(const FloatImage& picture, const BlurKernel& kernel) {
  const FloatImage from = bordered(picture, kernel.size / 2);
  FloatImage result(picture.width, picture.height, picture.channels);
  for (int y = 0; y < result.height; ++y)
    for (int ky = 0; ky < kernel.size; ++ky)
      for (int kx = 0; kx < kernel.size; ++kx) {
        const float weight = kernel.weights[static_cast<size_t>(ky * kernel.size + kx)];
        const float* in = from.row(y + ky) + kx * picture.channels;
        float* out = result.row(y);
        for (size_t i = 0; i < result.row_samples(); ++i) out[i] += weight * in[i];
      }
  return result;
}

FloatImage gaussian_blurred(const FloatImage& picture, int size, double sigma) {
  std::vector<float> weights;
  float sum = 0;
  for (int i = -(size / 2); i <= size / 2; ++i) {
    weights.push_back(static_cast<float>(std::exp(-i * i / (2 * sigma * sigma))));
    sum += weights.back();
  }
  const FloatImage from = bordered(picture, size / 2);
  FloatImage rows(picture.width, from.height, picture.channels),
      result(picture.width, picture.height, picture.channels);
  for (int y = 0; y < rows.height; ++y)
    for (int k = 0; k < size; ++k)
      for (size_t i = 0; i < rows.row_samples(); ++i)
        rows.row(y)[i] += weights[static_cast<size_t>(k)] / sum *
                          from.row(y)[i + static_cast<size_t>(k * picture.channels)];
  for (int y = 0; y < result.height; ++y)
    for (int k = 0; k < size; ++k)
      for (size_t i = 0; i < result.row_samples(); ++i)
        result.row(y)[i] += weights[static_cast<size_t>(k)] / sum * rows.row(y + k)[i];
  return result;
}

FloatImage resized(const FloatImage& picture, int width, int height, Interpolation interpolation) {
  const AxisWeights across = axis_of(picture.width, width, interpolation),
                    down = axis_of(picture.height, height, interpolation);
  FloatImage rows(picture.width, height, picture.channels), result(width, height, picture.channels);
  for (int y = 0; y < height; ++y)
    for (int t = 0; t < down.taps; ++t) {
      const auto place = static_cast<size_t>(y * down.taps + t);
      const auto weight = static_cast<float>(down.weights[place]);
      const float* from = picture.row(down.indices[place]);
      for (size_t i = 0; i < rows.row_samples(); ++i) rows.row(y)[i] += weight * from[i];
    }
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int t = 0; t < across.taps; ++t) {
        const auto place = static_cast<size_t>(x * across.taps + t);
        for (int c = 0; c < picture.channels; ++c)
          result.at(x, y, c) +=
              static_cast<float>(across.weights[place]) * rows.at(across.indices[place], y, c);
      }
  return result;
}

void clamp_to_range(FloatImage& picture) {
  for (float& value : picture.pixels) value = std::clamp(value, 0.0F, 1.0F);
}

FloatImage sharpen(const FloatImage& picture) {
  constexpr int size = 51;
  constexpr double sigma = 8;  // OpenCV's for 51 pixels: 0.3 ((51 - 1) / 2 - 1) + 0.8
  constexpr float weight = 0.5F, threshold = 10.0F / 255;
  const FloatImage blur = gaussian_blurred(picture, size, sigma);
  FloatImage mask(picture.width, picture.height, picture.channels);
  for (size_t i = 0; i < picture.pixels.size(); ++i)
    mask.pixels[i] = std::abs(picture.pixels[i] - blur.pixels[i]) > threshold ? 1.0F : 0.0F;
  mask = gaussian_blurred(mask, size, sigma);
  FloatImage result = picture;
  for (size_t i = 0; i < picture.pixels.size(); ++i) {
    const float sharp =
        std::clamp(picture.pixels[i] + weight * (picture.pixels[i] - blur.pixels[i]), 0.0F, 1.0F);
    result.pixels[i] += mask.pixels[i] * (sharp - picture.pixels[i]);
  }
  return result;
}

}  // namespace esrgan::train
