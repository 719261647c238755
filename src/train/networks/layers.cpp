#include "train/networks/layers.h"

#include <torch/nn/functional.h>

namespace esrgan::train {

using torch::Tensor;
namespace nn = torch::nn;

nn::Conv2d same_conv(int in, int out, int kernel, bool bias) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, kernel).padding(kernel / 2).bias(bias));
}

void initialise(nn::Conv2d& layer, double scale) {
  const torch::NoGradGuard no_gradients;
  nn::init::kaiming_normal_(layer->weight);
  layer->weight.mul_(scale);
  if (layer->bias.defined()) layer->bias.zero_();
}

Tensor leaky(const Tensor& x, double slope) {
  return torch::leaky_relu(x, slope);
}

Tensor repeated(const Tensor& x, int factor) {
  const std::vector<double> both(2, factor);
  return nn::functional::interpolate(
      x, nn::functional::InterpolateFuncOptions().scale_factor(both).mode(torch::kNearest));
}

Tensor bilinear(const Tensor& x, int factor) {
  const std::vector<double> both(2, factor);
  return nn::functional::interpolate(x, nn::functional::InterpolateFuncOptions()
                                            .scale_factor(both)
                                            .mode(torch::kBilinear)
                                            .align_corners(false));
}

}  // namespace esrgan::train
