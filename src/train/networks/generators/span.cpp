// SPAN (Wan et al. 2023, arXiv:2311.12770), its three convolutions in a row collapsed to the one that they
// are.
#include <array>
#include <optional>

#include "model/families/span.h"
#include "train/networks/convolution.h"
#include "train/networks/generators/generators.h"
#include "train/networks/generators/time_head.h"

namespace esrgan::train {
namespace {

using torch::Tensor;
namespace nn = torch::nn;

/// How large maps begin, for values of 1 that go in. SiLU and the attention are nearly linear where values
/// are small, and a network that begins so learns less: the published ones are fed with 255.
constexpr double first_gain = 16, last_gain = 0.05;

nn::Conv2d collapsed(int in, int out, double gain = 1) {
  nn::Conv2d layer = same_conv(in, out);
  initialise(layer, gain);
  return layer;
}

class SpanBlock : public nn::Module {
 public:
  explicit SpanBlock(int features) {
    constexpr std::array names{"c1_r", "c2_r", "c3_r"};
    for (size_t j = 0; j < convs_.size(); ++j)
      convs_.at(j) = register_module(names.at(j), collapsed(features, features));
  }

  /// Sets x to what comes out; returns what the first convolution made.
  Tensor forward(Tensor& x) {
    const Tensor inner = train::silu(convolve(convs_[0], x));
    x = symmetric_gate(convolve(convs_[2], train::silu(convolve(convs_[1], inner))), x);
    return inner;
  }

 private:
  std::array<nn::Conv2d, 3> convs_{nullptr, nullptr, nullptr};
};

class SpanNet : public Network {
 public:
  explicit SpanNet(const Architecture& a) : scale_(a.scale) {
    if (span_details(a).centred)
      means_ = torch::tensor(std::vector<float>(span_means.begin(), span_means.end())).view({1, 3, 1, 1});
    else
      register_buffer("no_norm", torch::zeros({1}));
    const double gain = span_details(a).centred ? first_gain / static_cast<double>(span_range) : first_gain;
    if (a.frames > 1)
      time_.emplace(*this, a, gain);
    else
      conv_1_ = register_module("conv_1", collapsed(a.in_channels, a.features, gain));
    for (int n = 1; n <= a.blocks; ++n)
      blocks_.push_back(
          register_module("block_" + std::to_string(n), std::make_shared<SpanBlock>(a.features)));
    conv_cat_ = register_module("conv_cat", same_conv(4 * a.features, a.features, 1));
    conv_2_ = register_module("conv_2", collapsed(a.features, a.features));
    nn::Sequential upsampler;
    upsampler_ = collapsed(a.features, a.out_channels * a.scale * a.scale, last_gain);
    upsampler->push_back(upsampler_);
    register_module("upsampler", upsampler);
  }

 protected:
  Tensor run(Tensor x, Features* features) override {
    if (means_.defined()) x = (x - means_.to(x.options())) * span_range;
    const Tensor first = time_ ? time_->forward(x) : convolve(conv_1_, x);
    keep(features, time_ ? "time_2" : "conv_1", first);
    x = first;
    Tensor after_first_block, inner;
    for (size_t i = 0; i < blocks_.size(); ++i) {
      inner = blocks_[i]->forward(x);
      if (i == 0) after_first_block = x;
      keep(features, "block_" + std::to_string(i + 1), x);
    }
    x = convolve(conv_cat_, torch::cat({first, convolve(conv_2_, x), after_first_block, inner}, 1));
    keep(features, "conv_cat", x);
    return torch::pixel_shuffle(convolve(upsampler_, x), scale_);
  }

 private:
  int scale_;
  Tensor means_;
  std::optional<TimeHead> time_;
  nn::Conv2d conv_1_{nullptr}, conv_cat_{nullptr}, conv_2_{nullptr}, upsampler_{nullptr};
  std::vector<std::shared_ptr<SpanBlock>> blocks_;
};

}  // namespace

std::shared_ptr<Network> make_span(const Architecture& a) {
  return std::make_shared<SpanNet>(a);
}

}  // namespace esrgan::train
