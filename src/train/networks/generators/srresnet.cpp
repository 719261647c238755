// SRResNet as published, with batch normalisation: Ledig et al. 2017 (arXiv:1609.04802), figure 4.
#include "train/networks/convolution.h"
#include "train/networks/generators/generators.h"

namespace esrgan::train {
namespace {

using torch::Tensor;
namespace nn = torch::nn;

class NormalisedResidualBlock : public Layer {
 public:
  explicit NormalisedResidualBlock(int features)
      : conv1_(register_module("conv1", same_conv(features, features, 3, false))),
        conv2_(register_module("conv2", same_conv(features, features, 3, false))),
        bn1_(register_module("bn1", nn::BatchNorm2d(features))),
        bn2_(register_module("bn2", nn::BatchNorm2d(features))),
        act_(register_module("act", nn::PReLU())) {}
  Tensor forward(Tensor x) override {
    return x +
           bn2_->forward(convolve(conv2_, channel_prelu(bn1_->forward(convolve(conv1_, x)), act_->weight)));
  }

 private:
  nn::Conv2d conv1_, conv2_;
  nn::BatchNorm2d bn1_, bn2_;
  nn::PReLU act_;
};

class SrResNet : public Network {
 public:
  explicit SrResNet(const Architecture& a) : factor_(step_factor(a)) {
    conv_first_ = register_module("conv_first", same_conv(a.in_channels, a.features, 9));
    act_first_ = register_module("act_first", nn::PReLU());
    nn::ModuleList body;
    for (int n = 0; n < a.blocks; ++n) {
      blocks_.push_back(std::make_shared<NormalisedResidualBlock>(a.features));
      body->push_back(blocks_.back());
    }
    register_module("body", body);
    conv_body_ = register_module("conv_body", same_conv(a.features, a.features, 3, false));
    bn_body_ = register_module("bn_body", nn::BatchNorm2d(a.features));
    for (int i = 1; i <= a.upsamplings; ++i) {
      ups_.push_back(register_module("conv_up" + std::to_string(i),
                                     same_conv(a.features, a.features * factor_ * factor_)));
      acts_.push_back(register_module("act_up" + std::to_string(i), nn::PReLU()));
    }
    conv_last_ = register_module("conv_last", same_conv(a.features, a.out_channels, 9));
  }

 protected:
  Tensor run(Tensor x, Features* features) override {
    const Tensor first = channel_prelu(conv_first_->forward(x), act_first_->weight);
    keep(features, "conv_first", first);
    x = first;
    for (size_t i = 0; i < blocks_.size(); ++i) {
      x = blocks_[i]->forward(x);
      keep(features, "body." + std::to_string(i), x);
    }
    x = first + bn_body_->forward(convolve(conv_body_, x));
    keep(features, "conv_body", x);
    for (size_t i = 0; i < ups_.size(); ++i)
      x = channel_prelu(torch::pixel_shuffle(convolve(ups_[i], x), factor_), acts_[i]->weight);
    return conv_last_->forward(x);
  }

 private:
  int factor_;
  nn::Conv2d conv_first_{nullptr}, conv_body_{nullptr}, conv_last_{nullptr};
  nn::PReLU act_first_{nullptr};
  nn::BatchNorm2d bn_body_{nullptr};
  std::vector<std::shared_ptr<NormalisedResidualBlock>> blocks_;
  std::vector<nn::Conv2d> ups_;
  std::vector<nn::PReLU> acts_;
};

}  // namespace

std::shared_ptr<Network> make_srresnet(const Architecture& a) {
  return std::make_shared<SrResNet>(a);
}

}  // namespace esrgan::train
