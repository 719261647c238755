#include "train/networks/bicubic.h"

#include <torch/torch.h>

#include <cmath>

#include "image/resize.h"

namespace esrgan::train {
namespace {

using torch::Tensor;

/// One axis as a matrix, [out][in].
Tensor matrix_of(int64_t in, double factor, const torch::TensorOptions& options) {
  const int size = static_cast<int>(in), out = static_cast<int>(std::ceil(static_cast<double>(in) * factor));
  const AxisWeights axis = make_axis(size, out, factor, Filter::bicubic);
  Tensor matrix = torch::zeros({out, in}, torch::kDouble);
  double* const numbers = matrix.data_ptr<double>();
  for (int i = 0; i < out; ++i)
    for (int tap = i * axis.taps; tap < (i + 1) * axis.taps; ++tap)
      numbers[static_cast<int64_t>(i) * in + axis.indices[static_cast<size_t>(tap)]] +=
          axis.weights[static_cast<size_t>(tap)];
  return matrix.to(options);
}

}  // namespace

Tensor resized_bicubic(const Tensor& x, double factor) {
  const Tensor down = matrix_of(x.size(2), factor, x.options()),
               across = matrix_of(x.size(3), factor, x.options());
  return torch::matmul(torch::matmul(down, x), across.t());
}

}  // namespace esrgan::train
