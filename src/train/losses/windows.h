// Windows that losses slide over pictures.
#pragma once

#include <torch/torch.h>

#include <cmath>
#include <vector>

namespace esrgan::train {

/// Gaussian weights that sum up to 1, `size` of them (odd).
inline torch::Tensor gaussian_window(int64_t size, double sigma) {
  const torch::Tensor place = torch::arange(size, torch::kDouble) - static_cast<double>(size / 2);
  const torch::Tensor weights = torch::exp(-torch::square(place) / (2 * sigma * sigma));
  return (weights / weights.sum()).to(torch::kFloat);
}

/// Each channel (n x c x h x w) filtered by `window` down and across, where it lies on the picture as a
/// whole.
inline torch::Tensor filtered(const torch::Tensor& pictures, const torch::Tensor& window) {
  const int64_t channels = pictures.size(1), size = window.numel();
  const torch::Tensor weights = window.to(pictures.scalar_type());
  const std::vector<int64_t> step{1, 1}, border{0, 0};
  const auto along = [&](const torch::Tensor& planes, const std::vector<int64_t>& shape) {
    const torch::Tensor kernel = weights.view(shape).repeat({channels, 1, 1, 1});
    return torch::conv2d(planes, kernel, torch::Tensor(), step, border, step, channels);
  };
  return along(along(pictures, {1, 1, size, 1}), {1, 1, 1, size});
}

}  // namespace esrgan::train
