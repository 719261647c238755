// SRResNet in BasicSR's form, without batch normalisation.
#include <torch/nn/functional.h>

#include "train/networks/convolution.h"
#include "train/networks/generators/generators.h"

namespace esrgan::train {
namespace {

using torch::Tensor;
namespace nn = torch::nn;

class PlainResidualBlock : public Layer {
 public:
  explicit PlainResidualBlock(int features)
      : conv1_(register_module("conv1", same_conv(features, features))),
        conv2_(register_module("conv2", same_conv(features, features))) {
    initialise(conv1_, 0.1);
    initialise(conv2_, 0.1);
  }
  Tensor forward(Tensor x) override { return x + convolve(conv2_, convolve(conv1_, x, 0)); }

 private:
  nn::Conv2d conv1_, conv2_;
};

class MsrResNet : public Network {
 public:
  explicit MsrResNet(const Architecture& a) : scale_(a.scale), factor_(step_factor(a)) {
    conv_first_ = register_module("conv_first", same_conv(a.in_channels, a.features));
    nn::ModuleList body;
    for (int n = 0; n < a.blocks; ++n) {
      blocks_.push_back(std::make_shared<PlainResidualBlock>(a.features));
      body->push_back(blocks_.back());
    }
    register_module("body", body);
    for (int i = 1; i <= a.upsamplings; ++i)
      ups_.push_back(register_module("upconv" + std::to_string(i),
                                     same_conv(a.features, a.features * factor_ * factor_)));
    conv_hr_ = register_module("conv_hr", same_conv(a.features, a.features));
    conv_last_ = register_module("conv_last", same_conv(a.features, a.out_channels));
    for (nn::Conv2d layer : {conv_first_, conv_hr_, conv_last_}) initialise(layer, 0.1);
    for (nn::Conv2d& layer : ups_) initialise(layer, 0.1);
  }

 protected:
  Tensor run(Tensor x, Features* features) override {
    const Tensor base = bilinear(x, scale_);
    x = convolve(conv_first_, x, 0.1);
    keep(features, "conv_first", x);
    for (size_t i = 0; i < blocks_.size(); ++i) {
      x = blocks_[i]->forward(x);
      keep(features, "body." + std::to_string(i), x);
    }
    for (nn::Conv2d& up : ups_) x = leaky(torch::pixel_shuffle(convolve(up, x), factor_), 0.1);
    return convolve(conv_last_, convolve(conv_hr_, x, 0.1)) + base;
  }

 private:
  double scale_;
  int factor_;
  nn::Conv2d conv_first_{nullptr}, conv_hr_{nullptr}, conv_last_{nullptr};
  std::vector<std::shared_ptr<PlainResidualBlock>> blocks_;
  std::vector<nn::Conv2d> ups_;
};

}  // namespace

std::shared_ptr<Network> make_msrresnet(const Architecture& a) {
  return std::make_shared<MsrResNet>(a);
}

}  // namespace esrgan::train
