// RRDBNet: Wang et al. 2018 (arXiv:1809.00219), figure 4.
#include <esrgan/error.h>

#include <array>
#include <optional>

#include "model/families/rrdbnet.h"
#include "train/networks/convolution.h"
#include "train/networks/generators/generators.h"
#include "train/networks/generators/time_head.h"

namespace esrgan::train {
namespace {

using torch::Tensor;
namespace nn = torch::nn;

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
      nn::Conv2d layer = same_conv(a.features + before, j + 1 < convs_.size() ? details.growth : a.features);
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

class RrdbNet : public Network {
 public:
  explicit RrdbNet(const Architecture& a) : unshuffle_(a.unshuffle), upsampler_(rrdb_details(a).upsampler) {
    if (rrdb_details(a).conv1x1)
      throw Error(ErrorKind::bad_data, "", "network to train",
                  "RRDBNet without the 1x1 convolutions of ESRGAN+", a.summary());
    if (a.frames > 1) time_.emplace(*this, a, 1);
    conv_first_ =
        register_module("conv_first", same_conv(a.in_channels * a.unshuffle * a.unshuffle, a.features));
    nn::ModuleList body;
    for (int n = 0; n < a.blocks; ++n) {
      blocks_.push_back(std::make_shared<ResidualInResidual>(a));
      body->push_back(blocks_.back());
    }
    register_module("body", body);
    conv_body_ = register_module("conv_body", same_conv(a.features, a.features));
    for (int i = 1; i <= a.upsamplings; ++i) add_upsampling("conv_up" + std::to_string(i), a.features);
    conv_hr_ = register_module("conv_hr", same_conv(a.features, a.features));
    conv_last_ = register_module("conv_last", same_conv(a.features, a.out_channels));
  }

 protected:
  Tensor run(Tensor x, Features* features) override {
    if (unshuffle_ > 1) x = torch::pixel_unshuffle(x, unshuffle_);
    const Tensor first =
        time_ ? convolve(conv_first_, time_->middle(x)) + time_->forward(x) : convolve(conv_first_, x);
    keep(features, time_ ? "time_2" : "conv_first", first);
    x = first;
    for (size_t i = 0; i < blocks_.size(); ++i) {
      x = blocks_[i]->forward(x);
      keep(features, "body." + std::to_string(i), x);
    }
    x = first + convolve(conv_body_, x);
    keep(features, "conv_body", x);
    for (auto& up : ups_)
      x = upsampler_ == Upsampler::pixel_shuffle ? leaky(torch::pixel_shuffle(convolve(up, x), 2), slope)
                                                 : convolve(up, repeated(x, 2), slope);
    for (auto& up : transposed_) x = leaky(up->forward(x), slope);
    return convolve(conv_last_, convolve(conv_hr_, x, slope));
  }

 private:
  void add_upsampling(const std::string& name, int features) {
    if (upsampler_ == Upsampler::transposed)
      transposed_.push_back(register_module(
          name, nn::ConvTranspose2d(nn::ConvTranspose2dOptions(features, features, 4).stride(2).padding(1))));
    else
      ups_.push_back(register_module(
          name, same_conv(features, upsampler_ == Upsampler::nearest ? features : 4 * features)));
  }

  int unshuffle_;
  Upsampler upsampler_;
  std::optional<TimeHead> time_;
  nn::Conv2d conv_first_{nullptr}, conv_body_{nullptr}, conv_hr_{nullptr}, conv_last_{nullptr};
  std::vector<std::shared_ptr<ResidualInResidual>> blocks_;
  std::vector<nn::Conv2d> ups_;
  std::vector<nn::ConvTranspose2d> transposed_;
};

}  // namespace

std::shared_ptr<Network> make_rrdbnet(const Architecture& a) {
  return std::make_shared<RrdbNet>(a);
}

}  // namespace esrgan::train
