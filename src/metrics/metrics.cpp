#include "metrics/metrics.h"

#include <esrgan/error.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "image/resize.h"

namespace esrgan {
namespace {

constexpr int window = 11;

/// One plane of doubles in [0, 255].
struct Plane {
  int width = 0, height = 0;
  std::vector<double> values;

  Plane(int w, int h) : width(w), height(h), values(static_cast<size_t>(w) * static_cast<size_t>(h)) {}
  double& at(int x, int y) {
    return values[static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)];
  }
  double at(int x, int y) const {
    return values[static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)];
  }
};

std::array<double, window> gaussian() {
  std::array<double, window> weights{};
  double sum = 0;
  for (int i = 0; i < window; ++i) {
    const int d = i - window / 2;
    weights[static_cast<size_t>(i)] = std::exp(-d * d / (2 * 1.5 * 1.5));
    sum += weights[static_cast<size_t>(i)];
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

/// Filters the element-wise product of two planes, valid region only.
Plane filter_product(const Plane& a, const Plane& b) {
  static const std::array<double, window> weights = gaussian();
  Plane rows(a.width - window + 1, a.height);
  for (int y = 0; y < rows.height; ++y)
    for (int x = 0; x < rows.width; ++x)
      for (int i = 0; i < window; ++i)
        rows.at(x, y) += weights[static_cast<size_t>(i)] * a.at(x + i, y) * b.at(x + i, y);
  Plane result(rows.width, a.height - window + 1);
  for (int y = 0; y < result.height; ++y)
    for (int x = 0; x < result.width; ++x)
      for (int i = 0; i < window; ++i) result.at(x, y) += weights[static_cast<size_t>(i)] * rows.at(x, y + i);
  return result;
}

double ssim(const Plane& a, const Plane& b) {
  constexpr double c1 = (0.01 * 255) * (0.01 * 255), c2 = (0.03 * 255) * (0.03 * 255);
  Plane one(a.width, a.height);
  for (double& value : one.values) value = 1;
  const Plane mean_a = filter_product(a, one), mean_b = filter_product(b, one);
  const Plane aa = filter_product(a, a), bb = filter_product(b, b), ab = filter_product(a, b);
  double sum = 0;
  for (size_t i = 0; i < mean_a.values.size(); ++i) {
    const double ma = mean_a.values[i], mb = mean_b.values[i];
    const double va = aa.values[i] - ma * ma, vb = bb.values[i] - mb * mb, vab = ab.values[i] - ma * mb;
    sum += (2 * ma * mb + c1) * (2 * vab + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2));
  }
  return sum / static_cast<double>(mean_a.values.size());
}

double squared_error(const Plane& a, const Plane& b) {
  double sum = 0;
  for (size_t i = 0; i < a.values.size(); ++i)
    sum += (a.values[i] - b.values[i]) * (a.values[i] - b.values[i]);
  return sum / static_cast<double>(a.values.size());
}

double luma_at(const FloatImage& picture, int x, int y) {
  const auto sample = [&](int c) { return static_cast<double>(picture.at(x, y, c)); };
  return picture.channels < 3 ? 255 * sample(0)
                              : 65.481 * sample(0) + 128.553 * sample(1) + 24.966 * sample(2) + 16;
}

/// The planes to compare, cropped.
std::vector<Plane> planes_of(const FloatImage& picture, int crop, MetricChannels channels) {
  const bool is_luma = channels == MetricChannels::y;
  std::vector<Plane> planes(is_luma || picture.channels < 3 ? 1 : 3,
                            Plane(picture.width - 2 * crop, picture.height - 2 * crop));
  for (size_t p = 0; p < planes.size(); ++p)
    for (int y = 0; y < planes[p].height; ++y)
      for (int x = 0; x < planes[p].width; ++x)
        planes[p].at(x, y) =
            is_luma ? luma_at(picture, x + crop, y + crop)
                    : 255 * static_cast<double>(picture.at(x + crop, y + crop, static_cast<int>(p)));
  return planes;
}

std::string size_text(const FloatImage& picture) {
  return std::to_string(picture.width) + "x" + std::to_string(picture.height);
}

}  // namespace

FloatImage luma(const FloatImage& picture) {
  FloatImage plane(picture.width, picture.height, 1);
  for (int y = 0; y < plane.height; ++y)
    for (int x = 0; x < plane.width; ++x)
      plane.at(x, y, 0) = static_cast<float>(luma_at(picture, x, y) / 255);
  return plane;
}

Quality compare(const FloatImage& reference, const FloatImage& test, int crop, MetricChannels channels) {
  if (reference.width != test.width || reference.height != test.height ||
      (reference.channels >= 3) != (test.channels >= 3))
    throw Error(ErrorKind::invalid_argument, "", "the pictures to compare differ in size or colour",
                size_text(reference) + (reference.channels >= 3 ? " colour" : " gray"),
                size_text(test) + (test.channels >= 3 ? " colour" : " gray"));
  if (crop < 0 || reference.width - 2 * crop < window || reference.height - 2 * crop < window)
    throw Error(ErrorKind::invalid_argument, "", "too little of the picture is left to compare",
                "at least 11x11 pixels after cropping",
                size_text(reference) + " with " + std::to_string(crop) + " pixels cropped from each side");
  const std::vector<Plane> a = planes_of(reference, crop, channels), b = planes_of(test, crop, channels);
  Quality quality;
  double error = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    error += squared_error(a[i], b[i]) / static_cast<double>(a.size());
    quality.ssim += ssim(a[i], b[i]) / static_cast<double>(a.size());
  }
  quality.psnr = error > 0 ? 10 * std::log10(255.0 * 255.0 / error) : std::numeric_limits<double>::infinity();
  return quality;
}

Quality published_bicubic(const FloatImage& truth, int scale) {
  FloatImage plane = luma(truth);
  quantise(plane);
  FloatImage upscaled =
      resize_bicubic(resize_bicubic(plane, 1.0 / scale, SampleType::f32), scale, SampleType::f32);
  for (float& value : upscaled.pixels) value = std::clamp(value, 16 / 255.0F, 235 / 255.0F);
  quantise(upscaled);
  return compare(plane, upscaled, scale, MetricChannels::y);
}

}  // namespace esrgan
