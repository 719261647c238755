// Layers that several discriminators have.
#include <torch/nn/functional.h>

#include <c10/core/impl/LocalDispatchKeySet.h>

#include "train/networks/convolution.h"
#include "train/networks/discriminators/discriminators.h"

namespace esrgan::train {

using torch::Tensor;
namespace nn = torch::nn;
namespace F = torch::nn::functional;

nn::Conv2d padded_conv(int in, int out, int kernel, int stride, bool bias) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, kernel).stride(stride).padding(1).bias(bias));
}

Tensor run_padded(const nn::Conv2d& layer, const Tensor& x, double slope_after) {
  const auto& options = layer->options;
  if (options.stride()->at(0) == 1 && options.kernel_size()->at(0) == 3)
    return convolve(layer, x, slope_after);
  const Tensor y = torch::conv2d(x, layer->weight, layer->bias, options.stride(), 1);
  return slope_after == 1 ? y : leaky(y, slope_after);
}

void NormalisedStack::add(nn::Module& owner, const std::string& name, const std::string& norm,
                          const nn::Conv2d& layer) {
  convs_.push_back(owner.register_module(name, layer));
  if (!norm.empty())
    norms_.push_back(owner.register_module(norm, nn::BatchNorm2d(layer->options.out_channels())));
}

Tensor NormalisedStack::run(Tensor x, const std::function<void(size_t, const Tensor&)>& keep) {
  x = run_padded(convs_[0], x, discriminator_slope);
  keep(0, x);
  for (size_t i = 1; i < convs_.size(); ++i) {
    x = leaky(norms_[i - 1]->forward(run_padded(convs_[i], x)), discriminator_slope);
    keep(i, x);
  }
  return x;
}

namespace {

Tensor unit(const Tensor& x) {
  return F::normalize(x, F::NormalizeFuncOptions().dim(0).eps(1e-12));
}

}  // namespace

SpectralConv::SpectralConv(int in, int out, int kernel, int stride) : stride_(stride) {
  const nn::Conv2d layer = padded_conv(in, out, kernel, stride, false);
  weight_ = register_parameter("weight_orig", layer->weight.detach().clone());
  u_ = register_buffer("weight_u", unit(torch::randn({out})));
  v_ = register_buffer("weight_v", unit(torch::randn({in * kernel * kernel})));
}

Tensor SpectralConv::forward(Tensor x) {
  Tensor weight;
  {
    // Three digits, as half precision has them, are not enough for a norm.
    const c10::impl::ExcludeDispatchKeyGuard precisely(c10::autocast_dispatch_keyset);
    const Tensor matrix = weight_.flatten(1);
    if (is_training()) {
      const torch::NoGradGuard no_gradients;
      v_.copy_(unit(torch::mv(matrix.t(), u_)));
      u_.copy_(unit(torch::mv(matrix, v_)));
    }
    // Copies: the next forward pass changes the vectors before this one's gradients are taken.
    weight = weight_ / torch::dot(u_.clone(), torch::mv(matrix, v_.clone()));
  }
  const bool same = stride_ == 1 && weight_.size(2) == 3;
  return same ? convolve(x, weight, {}) : torch::conv2d(x, weight, {}, stride_, 1);
}

}  // namespace esrgan::train
