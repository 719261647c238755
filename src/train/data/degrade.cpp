#include "train/data/degrade.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <span>

#include "image/resize.h"
#include "train/data/blur_kernels.h"
#include "train/data/jpeg_codec.h"

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

/// Blur by rows and columns.
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

enum class Interpolation { area, bilinear, bicubic };

/// PyTorch's interpolate(): no antialiasing but for "area", half-pixel centres, edges repeated, cubic with a
/// = -3/4.
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

FloatImage resized(const FloatImage& picture, int width, int height, Interpolation interpolation) {
  const AxisWeights across = interpolation_axis(picture.width, width, interpolation),
                    down = interpolation_axis(picture.height, height, interpolation);
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

FloatImage resized_somehow(const FloatImage& picture, int width, int height, Random& random) {
  constexpr Interpolation all[] = {Interpolation::area, Interpolation::bilinear, Interpolation::bicubic};
  return resized(picture, std::max(1, width), std::max(1, height), all[random.below(3)]);
}

double within(const Range& range, Random& random) {
  return random.uniform(range.low, range.high);
}

/// An index, by weights.
size_t choose(std::span<const double> weights, Random& random) {
  double sum = 0;
  for (const double weight : weights) sum += weight;
  double place = random.uniform(0, sum);
  size_t chosen = 0;
  while (chosen + 1 < weights.size() && place >= weights[chosen]) place -= weights[chosen++];
  return chosen;
}

constexpr int smallest_kernel = 7, kernel_sizes = 8;  // 7, 9, ..., 21

int kernel_size(Random& random) {
  return smallest_kernel + 2 * static_cast<int>(random.below(kernel_sizes));
}

BlurKernel random_kernel(const DegradationStage& stage, Random& random) {
  constexpr double pi = std::numbers::pi;
  const int size = kernel_size(random);
  if (random.chance(stage.sinc_probability))
    return sinc_kernel(size, random.uniform(size < 13 ? pi / 3 : pi / 5, pi));
  const size_t kind = choose(stage.kernel_weights, random);
  const BlurShape shape = kind < 2   ? BlurShape::gaussian
                          : kind < 4 ? BlurShape::generalised
                                     : BlurShape::plateau;
  const double sigma_x = within(stage.sigma, random);
  double sigma_y = sigma_x, angle = 0, beta = 1;
  if (kind % 2 == 1) {
    sigma_y = within(stage.sigma, random);
    angle = random.uniform(-pi, pi);
  }
  if (shape != BlurShape::gaussian) {
    // Half of the kernels are flatter than a Gaussian, half more peaked.
    const Range& betas = shape == BlurShape::generalised ? stage.beta_generalised : stage.beta_plateau;
    beta = random.chance(0.5) ? random.uniform(betas.low, 1) : random.uniform(1, betas.high);
  }
  return blur_kernel(shape, size, sigma_x, sigma_y, angle, beta);
}

void clamp(FloatImage& picture) {
  for (float& value : picture.pixels) value = std::clamp(value, 0.0F, 1.0F);
}

float luma(const FloatImage& picture, size_t pixel) {
  const float* p = picture.pixels.data() + 3 * pixel;
  return 0.2989F * p[0] + 0.587F * p[1] + 0.114F * p[2];
}

void add_gaussian_noise(FloatImage& picture, double sigma, bool gray, Random& random) {
  for (size_t pixel = 0; pixel < picture.pixels.size() / 3; ++pixel) {
    double noise = random.normal();
    for (size_t c = 0; c < 3; ++c) {
      if (c > 0 && !gray) noise = random.normal();
      picture.pixels[3 * pixel + c] += static_cast<float>(sigma / 255 * noise);
    }
  }
}

/// Shot noise of as many levels as the picture, rounded to 8 bits, has values, times `scale`.
void add_poisson_noise(FloatImage& picture, double scale, bool gray, Random& random) {
  const auto level_of = [](float value) {
    return static_cast<uint8_t>(std::lround(255 * std::clamp(value, 0.0F, 1.0F)));
  };
  std::vector<uint8_t> signal(picture.pixels.size() / (gray ? 3 : 1));
  std::array<bool, 256> seen{};
  for (size_t i = 0; i < signal.size(); ++i) {
    signal[i] = level_of(gray ? luma(picture, i) : picture.pixels[i]);
    seen[signal[i]] = true;
  }
  const auto different = static_cast<double>(std::count(seen.begin(), seen.end(), true));
  const double levels = std::exp2(std::ceil(std::log2(different)));
  std::vector<Poisson> draws;
  for (int level = 0; level < 256; ++level) draws.emplace_back(level / 255.0 * levels);
  float noise = 0;
  for (size_t i = 0; i < picture.pixels.size(); ++i) {
    if (!gray || i % 3 == 0) {
      const uint8_t level = signal[gray ? i / 3 : i];
      noise = static_cast<float>((draws[level](random) / levels - level / 255.0) * scale);
    }
    picture.pixels[i] += noise;
  }
}

void add_noise(FloatImage& picture, const DegradationStage& stage, Random& random) {
  const bool gray = random.chance(stage.gray_probability);
  if (random.chance(stage.gaussian_probability))
    add_gaussian_noise(picture, within(stage.gaussian_sigma, random), gray, random);
  else
    add_poisson_noise(picture, within(stage.poisson_scale, random), gray, random);
  clamp(picture);
}

/// By how much a stage resizes.
double resize_factor(const DegradationStage& stage, Random& random) {
  switch (choose(stage.resize_weights, random)) {
    case 0:
      return random.uniform(1, stage.resize.high);
    case 1:
      return random.uniform(stage.resize.low, 1);
    default:
      return 1;
  }
}

FloatImage compressed(const FloatImage& picture, const DegradationStage& stage, Random& random) {
  return through_jpeg(picture, static_cast<int>(std::lround(within(stage.jpeg_quality, random))));
}

int scaled(int size, double factor) {
  return static_cast<int>(static_cast<double>(size) * factor);
}

}  // namespace

FloatImage degrade(const FloatImage& picture, const DegradationRecipe& recipe, int scale, Random& random) {
  const int width = picture.width / scale, height = picture.height / scale;
  FloatImage x = picture;
  if (random.chance(recipe.first.blur_probability)) x = blurred(x, random_kernel(recipe.first, random));
  double factor = resize_factor(recipe.first, random);
  x = resized_somehow(x, scaled(picture.width, factor), scaled(picture.height, factor), random);
  add_noise(x, recipe.first, random);
  x = compressed(x, recipe.first, random);

  if (random.chance(recipe.second.blur_probability)) x = blurred(x, random_kernel(recipe.second, random));
  factor = resize_factor(recipe.second, random);
  x = resized_somehow(x, scaled(width, factor), scaled(height, factor), random);
  add_noise(x, recipe.second, random);
  // To the final size with or without a sinc filter, which rings as sharpening does, before or after the
  // compression.
  const bool compressed_last = random.chance(0.5);
  if (!compressed_last) x = compressed(x, recipe.second, random);
  x = resized_somehow(x, width, height, random);
  if (random.chance(recipe.final_sinc_probability)) {
    const int size = kernel_size(random);
    x = blurred(x, sinc_kernel(size, random.uniform(std::numbers::pi / 3, std::numbers::pi)));
  }
  clamp(x);
  if (compressed_last) x = compressed(x, recipe.second, random);
  quantise(x);
  return x;
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
