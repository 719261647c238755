#include "train/networks/generator.h"

#include <torch/nn/functional.h>

#include <esrgan/error.h>

#include <array>
#include <cmath>
#include <map>
#include <utility>

#include "model/families/rrdbnet.h"
#include "train/networks/convolution.h"

namespace esrgan::train {
namespace {

using torch::Tensor;
namespace nn = torch::nn;
namespace F = torch::nn::functional;

nn::Conv2d conv(int in, int out, int kernel = 3, bool bias = true) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, kernel).padding(kernel / 2).bias(bias));
}

/// He et al. 2015 (arXiv:1502.01852) for ReLU, times `scale`; biases 0.
void initialise(nn::Conv2d& layer, double scale) {
  const torch::NoGradGuard no_gradients;
  nn::init::kaiming_normal_(layer->weight);
  layer->weight.mul_(scale);
  if (layer->bias.defined()) layer->bias.zero_();
}

Tensor leaky(const Tensor& x, double slope) {
  return torch::leaky_relu(x, slope);
}

Tensor twice(const Tensor& x) {
  return F::interpolate(
      x, F::InterpolateFuncOptions().scale_factor(std::vector<double>{2, 2}).mode(torch::kNearest));
}

// ---- RRDBNet: Wang et al. 2018 (arXiv:1809.00219), figure 4 ----

constexpr double slope = 0.2;
constexpr double fixed_residual_scale = 0.2;

/// The residual scale of a block: fixed, or a parameter.
Tensor residual_scale(nn::Module& block, bool learned) {
  const Tensor start = torch::full({1}, fixed_residual_scale);
  return learned ? block.register_parameter("residual_scale", start) : start;
}

class ResidualDenseBlock : public Layer {
 public:
  explicit ResidualDenseBlock(const Architecture& a) {
    const RrdbDetails& details = rrdb_details(a);
    for (size_t j = 0; j < convs_.size(); ++j) {
      const int before = static_cast<int>(j) * details.growth;
      nn::Conv2d layer = conv(a.features + before, j + 1 < convs_.size() ? details.growth : a.features);
      initialise(layer, 0.1);
      convs_.at(j) = register_module("conv" + std::to_string(j + 1), layer);
    }
    learned_ = details.learned_residual_scale;
    scale_ = residual_scale(*this, learned_);
  }

  Tensor forward(Tensor x) override {
    if (learned_) return dense_block(x, convs_, slope, 1, 0) * scale_ + x;
    return dense_block(x, convs_, slope, fixed_residual_scale, 1);
  }

 private:
  std::array<nn::Conv2d, 5> convs_{nullptr, nullptr, nullptr, nullptr, nullptr};
  Tensor scale_;
  bool learned_ = false;
};

class ResidualInResidual : public Layer {
 public:
  explicit ResidualInResidual(const Architecture& a) : learned_(rrdb_details(a).learned_residual_scale) {
    for (int k = 1; k <= 3; ++k)
      blocks_.push_back(register_module("rdb" + std::to_string(k), std::make_shared<ResidualDenseBlock>(a)));
    scale_ = residual_scale(*this, learned_);
  }

  Tensor forward(Tensor x) override {
    Tensor y = x;
    for (const auto& block : blocks_) y = block->forward(y);
    return learned_ ? y * scale_ + x : torch::add(x, y, fixed_residual_scale);
  }

 private:
  std::vector<std::shared_ptr<ResidualDenseBlock>> blocks_;
  Tensor scale_;
  bool learned_;
};

class RrdbNet : public Layer {
 public:
  explicit RrdbNet(const Architecture& a) : unshuffle_(a.unshuffle), upsampler_(rrdb_details(a).upsampler) {
    if (rrdb_details(a).conv1x1)
      throw Error(ErrorKind::bad_data, "", "network to train",
                  "RRDBNet without the 1x1 convolutions of ESRGAN+", a.summary());
    conv_first_ = register_module("conv_first", conv(a.in_channels * a.unshuffle * a.unshuffle, a.features));
    nn::ModuleList body;
    for (int n = 0; n < a.blocks; ++n) {
      blocks_.push_back(std::make_shared<ResidualInResidual>(a));
      body->push_back(blocks_.back());
    }
    register_module("body", body);
    conv_body_ = register_module("conv_body", conv(a.features, a.features));
    for (int i = 1; i <= a.upsamplings; ++i) add_upsampling("conv_up" + std::to_string(i), a.features);
    conv_hr_ = register_module("conv_hr", conv(a.features, a.features));
    conv_last_ = register_module("conv_last", conv(a.features, a.out_channels));
  }

  Tensor forward(Tensor x) override {
    if (unshuffle_ > 1) x = torch::pixel_unshuffle(x, unshuffle_);
    const Tensor first = convolve(conv_first_, x);
    x = first;
    for (const auto& block : blocks_) x = block->forward(x);
    x = first + convolve(conv_body_, x);
    for (auto& up : ups_)
      x = upsampler_ == Upsampler::pixel_shuffle ? leaky(torch::pixel_shuffle(convolve(up, x), 2), slope)
                                                 : convolve(up, twice(x), slope);
    for (auto& up : transposed_) x = leaky(up->forward(x), slope);
    return convolve(conv_last_, convolve(conv_hr_, x, slope));
  }

 private:
  void add_upsampling(const std::string& name, int features) {
    if (upsampler_ == Upsampler::transposed)
      transposed_.push_back(register_module(
          name, nn::ConvTranspose2d(nn::ConvTranspose2dOptions(features, features, 4).stride(2).padding(1))));
    else
      ups_.push_back(
          register_module(name, conv(features, upsampler_ == Upsampler::nearest ? features : 4 * features)));
  }

  int unshuffle_;
  Upsampler upsampler_;
  nn::Conv2d conv_first_{nullptr}, conv_body_{nullptr}, conv_hr_{nullptr}, conv_last_{nullptr};
  std::vector<std::shared_ptr<ResidualInResidual>> blocks_;
  std::vector<nn::Conv2d> ups_;
  std::vector<nn::ConvTranspose2d> transposed_;
};

// ---- SRVGGNetCompact: Real-ESRGAN's small networks ----

class CompactNet : public Layer {
 public:
  explicit CompactNet(const Architecture& a) : scale_(a.scale) {
    nn::Sequential body;
    for (int i = 0; i <= a.blocks; ++i) {
      convs_.push_back(conv(i == 0 ? a.in_channels : a.features, a.features));
      acts_.emplace_back(nn::PReLUOptions().num_parameters(a.features));
      body->push_back(convs_.back());
      body->push_back(acts_.back());
    }
    convs_.push_back(conv(a.features, a.out_channels * a.scale * a.scale));
    body->push_back(convs_.back());
    register_module("body", body);
  }

  Tensor forward(Tensor x) override {
    const Tensor base = F::interpolate(
        x,
        F::InterpolateFuncOptions().scale_factor(std::vector<double>{scale_, scale_}).mode(torch::kNearest));
    for (size_t i = 0; i < acts_.size(); ++i) x = channel_prelu(convolve(convs_[i], x), acts_[i]->weight);
    return base + torch::pixel_shuffle(convolve(convs_.back(), x), static_cast<int64_t>(scale_));
  }

 private:
  std::vector<nn::Conv2d> convs_;
  std::vector<nn::PReLU> acts_;
  double scale_;
};

// ---- SRResNet, in BasicSR's form without and in the SRGAN paper's form with batch normalisation ----

/// Each upsampling step's factor.
int step_factor(const Architecture& a) {
  return static_cast<int>(std::lround(std::pow(a.scale, 1.0 / std::max(1, a.upsamplings))));
}

class PlainResidualBlock : public Layer {
 public:
  explicit PlainResidualBlock(int features)
      : conv1_(register_module("conv1", conv(features, features))),
        conv2_(register_module("conv2", conv(features, features))) {
    initialise(conv1_, 0.1);
    initialise(conv2_, 0.1);
  }
  Tensor forward(Tensor x) override { return x + convolve(conv2_, convolve(conv1_, x, 0)); }

 private:
  nn::Conv2d conv1_, conv2_;
};

class MsrResNet : public Layer {
 public:
  explicit MsrResNet(const Architecture& a) : scale_(a.scale), factor_(step_factor(a)) {
    conv_first_ = register_module("conv_first", conv(a.in_channels, a.features));
    nn::ModuleList body;
    for (int n = 0; n < a.blocks; ++n) {
      blocks_.push_back(std::make_shared<PlainResidualBlock>(a.features));
      body->push_back(blocks_.back());
    }
    register_module("body", body);
    for (int i = 1; i <= a.upsamplings; ++i)
      ups_.push_back(
          register_module("upconv" + std::to_string(i), conv(a.features, a.features * factor_ * factor_)));
    conv_hr_ = register_module("conv_hr", conv(a.features, a.features));
    conv_last_ = register_module("conv_last", conv(a.features, a.out_channels));
    for (nn::Conv2d layer : {conv_first_, conv_hr_, conv_last_}) initialise(layer, 0.1);
    for (nn::Conv2d& layer : ups_) initialise(layer, 0.1);
  }

  Tensor forward(Tensor x) override {
    const Tensor base = F::interpolate(x, F::InterpolateFuncOptions()
                                              .scale_factor(std::vector<double>{scale_, scale_})
                                              .mode(torch::kBilinear)
                                              .align_corners(false));
    x = convolve(conv_first_, x, 0.1);
    for (const auto& block : blocks_) x = block->forward(x);
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

class NormalisedResidualBlock : public Layer {
 public:
  explicit NormalisedResidualBlock(int features)
      : conv1_(register_module("conv1", conv(features, features, 3, false))),
        conv2_(register_module("conv2", conv(features, features, 3, false))),
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

class SrResNet : public Layer {
 public:
  explicit SrResNet(const Architecture& a) : factor_(step_factor(a)) {
    conv_first_ = register_module("conv_first", conv(a.in_channels, a.features, 9));
    act_first_ = register_module("act_first", nn::PReLU());
    nn::ModuleList body;
    for (int n = 0; n < a.blocks; ++n) {
      blocks_.push_back(std::make_shared<NormalisedResidualBlock>(a.features));
      body->push_back(blocks_.back());
    }
    register_module("body", body);
    conv_body_ = register_module("conv_body", conv(a.features, a.features, 3, false));
    bn_body_ = register_module("bn_body", nn::BatchNorm2d(a.features));
    for (int i = 1; i <= a.upsamplings; ++i) {
      ups_.push_back(
          register_module("conv_up" + std::to_string(i), conv(a.features, a.features * factor_ * factor_)));
      acts_.push_back(register_module("act_up" + std::to_string(i), nn::PReLU()));
    }
    conv_last_ = register_module("conv_last", conv(a.features, a.out_channels, 9));
  }

  Tensor forward(Tensor x) override {
    const Tensor first = channel_prelu(conv_first_->forward(x), act_first_->weight);
    x = first;
    for (const auto& block : blocks_) x = block->forward(x);
    x = first + bn_body_->forward(convolve(conv_body_, x));
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

std::shared_ptr<Layer> make_generator(const Architecture& architecture) {
  using Maker = std::shared_ptr<Layer> (*)(const Architecture&);
  static const std::map<std::string_view, Maker> makers{
      {"RRDBNet",
       [](const Architecture& a) -> std::shared_ptr<Layer> { return std::make_shared<RrdbNet>(a); }},
      {"SRVGGNetCompact",
       [](const Architecture& a) -> std::shared_ptr<Layer> { return std::make_shared<CompactNet>(a); }},
      {"MSRResNet",
       [](const Architecture& a) -> std::shared_ptr<Layer> { return std::make_shared<MsrResNet>(a); }},
      {"SRResNet",
       [](const Architecture& a) -> std::shared_ptr<Layer> { return std::make_shared<SrResNet>(a); }}};
  const auto maker = makers.find(architecture.family->name);
  if (maker == makers.end())
    throw Error(ErrorKind::bad_data, "", "network to train", "one that a recipe can ask for",
                architecture.summary());
  return maker->second(architecture);
}

}  // namespace esrgan::train
