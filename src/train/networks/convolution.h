// Convolutions of the networks that are trained: LibTorch's, or the project's own kernels where they are
// faster.
#pragma once

#include <torch/nn.h>

#include <array>

namespace esrgan::train {

/// While it lives, this thread's convolutions on the processor use the project's kernels (kernels/training.h)
/// where these suit, or not. Their backward passes can be taken later, but not differentiated again.
class KernelsGuard {
 public:
  explicit KernelsGuard(bool on);
  ~KernelsGuard();
  KernelsGuard(const KernelsGuard&) = delete;
  KernelsGuard& operator=(const KernelsGuard&) = delete;
  KernelsGuard(KernelsGuard&&) = delete;
  KernelsGuard& operator=(KernelsGuard&&) = delete;

 private:
  bool previous_;
};

/// The kernels that KernelsGuard turns on: "avx512_bf16", ...
const char* training_kernels_name();

/// activation(weight * x + bias): stride 1, zeros around as many as keep the size. What is negative is
/// multiplied by `slope`: 1 for no activation, 0 for ReLU.
torch::Tensor convolve(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias,
                       double slope = 1);
torch::Tensor convolve(const torch::nn::Conv2d& layer, const torch::Tensor& x, double slope = 1);

/// PReLU (He et al. 2015, arXiv:1502.01852): what is negative is multiplied by its channel's slope.
torch::Tensor channel_prelu(const torch::Tensor& x, const torch::Tensor& slopes);

/// x sigmoid(x) (Hendrycks and Gimpel 2016, arXiv:1606.08415).
torch::Tensor silu(const torch::Tensor& x);

/// SPAN's attention (Wan et al. 2023, arXiv:2311.12770): (o + x) (sigmoid(o) - 1/2).
torch::Tensor symmetric_gate(const torch::Tensor& o, const torch::Tensor& x);

/// A residual dense block (Wang et al. 2018, arXiv:1809.00219): x_j = leaky(conv_j([x, x_1, ..., x_(j-1)]))
/// for j = 1..4, then scale * conv_5([x, ..., x_4]) + skip * x.
torch::Tensor dense_block(const torch::Tensor& x, const std::array<torch::nn::Conv2d, 5>& convs, double slope,
                          double scale, double skip);

}  // namespace esrgan::train
