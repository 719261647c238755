// Layers that several networks have.
#pragma once

#include <torch/nn.h>

#include <string>
#include <utility>
#include <vector>

namespace esrgan::train {

/// A module with one input and one output.
class Layer : public torch::nn::Module {
 public:
  virtual torch::Tensor forward(torch::Tensor x) = 0;
};

/// Maps within a network by the names of the layers that made them, in their order.
using Features = std::vector<std::pair<std::string, torch::Tensor>>;

/// A whole network, whose layers' maps can be had, too.
class Network : public Layer {
 public:
  torch::Tensor forward(torch::Tensor x) final { return run(std::move(x), nullptr); }
  /// The same; adds the maps of all layers that have a name.
  torch::Tensor forward(torch::Tensor x, Features& features) { return run(std::move(x), &features); }

 protected:
  virtual torch::Tensor run(torch::Tensor x, Features* features) = 0;
  static void keep(Features* features, const std::string& name, const torch::Tensor& map) {
    if (features != nullptr) features->emplace_back(name, map);
  }
};

/// Stride 1, zeros around as many as keep the size.
torch::nn::Conv2d same_conv(int in, int out, int kernel = 3, bool bias = true);

/// He et al. 2015 (arXiv:1502.01852) for ReLU, times `scale`; biases 0.
void initialise(torch::nn::Conv2d& layer, double scale);

torch::Tensor leaky(const torch::Tensor& x, double slope);

/// Enlarged by repetition.
torch::Tensor repeated(const torch::Tensor& x, int factor);

/// Enlarged by linear interpolation between the pixels' middles.
torch::Tensor bilinear(const torch::Tensor& x, int factor);

}  // namespace esrgan::train
