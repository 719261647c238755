// SPAN (Wan et al. 2023, arXiv:2311.12770), its three convolutions in a row collapsed to the one that they
// are.
#include <array>
#include <optional>

#include "model/families/span.h"
#include "model/families/task_heads.h"
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

/// What strengths of tasks add to a map (model/families/task_heads.h); nothing where they are not there.
class TaskBias {
 public:
  TaskBias(nn::Module& owner, const Architecture& a) {
    if (!a.tasks) return;
    layer_ = nn::Linear(nn::LinearOptions(static_cast<int64_t>(task_names.size()), a.features).bias(false));
    nn::init::zeros_(layer_->weight);
    owner.register_module("tasks", layer_);
  }

  /// `strengths`: n x tasks.
  Tensor add_to(const Tensor& map, const Tensor& strengths) {
    return layer_ ? map + layer_->forward(strengths).unsqueeze(2).unsqueeze(3) : map;
  }

 private:
  nn::Linear layer_{nullptr};
};

class SpanBlock : public nn::Module {
 public:
  explicit SpanBlock(const Architecture& a) : tasks_(*this, a) {
    const int features = a.features;
    constexpr std::array names{"c1_r", "c2_r", "c3_r"};
    for (size_t j = 0; j < convs_.size(); ++j)
      convs_.at(j) = register_module(names.at(j), collapsed(features, features));
  }

  /// Sets x to what comes out; returns what the first convolution made.
  Tensor forward(Tensor& x, const Tensor& strengths) {
    const Tensor inner = train::silu(tasks_.add_to(convolve(convs_[0], x), strengths));
    x = symmetric_gate(convolve(convs_[2], train::silu(convolve(convs_[1], inner))), x);
    return inner;
  }

 private:
  std::array<nn::Conv2d, 3> convs_{nullptr, nullptr, nullptr};
  TaskBias tasks_;
};

class SpanNet : public Network {
 public:
  explicit SpanNet(const Architecture& a)
      : scale_(a.scale), channels_(a.in_channels), has_tasks_(a.tasks), tasks_(*this, a) {
    if (span_details(a).centred)
      means_ = torch::tensor(std::vector<float>(span_means.begin(), span_means.end())).view({1, 3, 1, 1});
    else
      register_buffer("no_norm", torch::zeros({1}));
    const double gain = span_details(a).centred ? first_gain / static_cast<double>(span_range) : first_gain;
    if (a.frames > 1) time_.emplace(*this, a, gain);
    conv_1_ = register_module("conv_1", collapsed(a.in_channels, a.features, gain));
    for (int n = 1; n <= a.blocks; ++n)
      blocks_.push_back(register_module("block_" + std::to_string(n), std::make_shared<SpanBlock>(a)));
    conv_cat_ = register_module("conv_cat", same_conv(4 * a.features, a.features, 1));
    conv_2_ = register_module("conv_2", collapsed(a.features, a.features));
    nn::Sequential upsampler;
    upsampler_ = collapsed(a.features, a.out_channels * a.scale * a.scale, last_gain);
    upsampler->push_back(upsampler_);
    register_module("upsampler", upsampler);
    if (!has_tasks_) return;
    restored_ = register_module(small_head, collapsed(a.features, a.out_channels, last_gain));
  }

 protected:
  /// With tasks, their strengths follow the colours, a map of one value each.
  Tensor run(Tensor x, Features* features) override {
    Tensor strengths;
    if (has_tasks_) {
      strengths = x.slice(1, channels_).select(3, 0).select(2, 0);
      x = x.slice(1, 0, channels_);
    }
    if (means_.defined()) x = (x - means_.to(x.options())) * span_range;
    const Tensor first = time_ ? convolve(conv_1_, time_->middle(x)) + time_->forward(x)
                               : tasks_.add_to(convolve(conv_1_, x), strengths);
    keep(features, time_ ? "time_2" : "conv_1", first);
    x = first;
    Tensor after_first_block, inner;
    for (size_t i = 0; i < blocks_.size(); ++i) {
      inner = blocks_[i]->forward(x, strengths);
      if (i == 0) after_first_block = x;
      keep(features, "block_" + std::to_string(i + 1), x);
    }
    x = convolve(conv_cat_, torch::cat({first, convolve(conv_2_, x), after_first_block, inner}, 1));
    keep(features, "conv_cat", x);
    if (has_tasks_ && features != nullptr) keep(features, small_head, convolve(restored_, x));
    return torch::pixel_shuffle(convolve(upsampler_, x), scale_);
  }

 private:
  int scale_, channels_;
  bool has_tasks_;
  TaskBias tasks_;
  Tensor means_;
  std::optional<TimeHead> time_;
  nn::Conv2d conv_1_{nullptr}, conv_cat_{nullptr}, conv_2_{nullptr}, upsampler_{nullptr}, restored_{nullptr};
  std::vector<std::shared_ptr<SpanBlock>> blocks_;
};

}  // namespace

std::shared_ptr<Network> make_span(const Architecture& a) {
  return std::make_shared<SpanNet>(a);
}

}  // namespace esrgan::train
