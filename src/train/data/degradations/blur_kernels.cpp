#include "train/data/degradations/blur_kernels.h"

#include <cmath>
#include <numbers>

namespace esrgan::train {
namespace {

/// Weights from a function of the place, which is (0, 0) in the middle.
template <typename Function>
BlurKernel sampled(int size, const Function& function) {
  BlurKernel kernel{size, {}};
  std::vector<double> values;
  double sum = 0;
  for (int y = -(size / 2); y <= size / 2; ++y)
    for (int x = -(size / 2); x <= size / 2; ++x) {
      values.push_back(function(x, y));
      sum += values.back();
    }
  for (const double value : values) kernel.weights.push_back(static_cast<float>(value / sum));
  return kernel;
}

}  // namespace

BlurKernel blur_kernel(BlurShape shape, int size, double sigma_x, double sigma_y, double angle, double beta) {
  return sampled(size, [&](double x, double y) {
    const double u = (std::cos(angle) * x + std::sin(angle) * y) / sigma_x;
    const double v = (std::cos(angle) * y - std::sin(angle) * x) / sigma_y;
    const double q = u * u + v * v;
    switch (shape) {
      case BlurShape::generalised:
        return std::exp(-std::pow(q, beta) / 2);
      case BlurShape::plateau:
        return 1 / (1 + std::pow(q, beta));
      case BlurShape::gaussian:
        break;
    }
    return std::exp(-q / 2);
  });
}

BlurKernel sinc_kernel(int size, double cutoff) {
  return sampled(size, [&](double x, double y) {
    const double r = std::hypot(x, y);
    if (r == 0) return cutoff * cutoff / (4 * std::numbers::pi);
    return cutoff * std::cyl_bessel_j(1, cutoff * r) / (2 * std::numbers::pi * r);
  });
}

}  // namespace esrgan::train
