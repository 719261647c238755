// SRVGGNetCompact: Real-ESRGAN's small networks.
#include "train/networks/convolution.h"
#include "train/networks/generators/generators.h"

namespace esrgan::train {
namespace {

using torch::Tensor;
namespace nn = torch::nn;

class CompactNet : public Network {
 public:
  explicit CompactNet(const Architecture& a) : scale_(a.scale) {
    nn::Sequential body;
    for (int i = 0; i <= a.blocks; ++i) {
      convs_.push_back(same_conv(i == 0 ? a.in_channels : a.features, a.features));
      acts_.emplace_back(nn::PReLUOptions().num_parameters(a.features));
      body->push_back(convs_.back());
      body->push_back(acts_.back());
    }
    convs_.push_back(same_conv(a.features, a.out_channels * a.scale * a.scale));
    body->push_back(convs_.back());
    register_module("body", body);
  }

 protected:
  Tensor run(Tensor x, Features* features) override {
    const Tensor base = repeated(x, scale_);
    for (size_t i = 0; i < acts_.size(); ++i) {
      x = channel_prelu(convolve(convs_[i], x), acts_[i]->weight);
      keep(features, "body." + std::to_string(2 * i + 1), x);
    }
    return base + torch::pixel_shuffle(convolve(convs_.back(), x), scale_);
  }

 private:
  std::vector<nn::Conv2d> convs_;
  std::vector<nn::PReLU> acts_;
  int scale_;
};

}  // namespace

std::shared_ptr<Network> make_compact(const Architecture& a) {
  return std::make_shared<CompactNet>(a);
}

}  // namespace esrgan::train
