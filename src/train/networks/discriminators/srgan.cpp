// SRGAN's discriminator: Ledig et al. 2017 (arXiv:1609.04802), figure 4.
#include "train/networks/discriminators/discriminators.h"

namespace esrgan::train {
namespace {

using torch::Tensor;
namespace nn = torch::nn;

class SrganDiscriminator : public Network {
 public:
  SrganDiscriminator(int size, int first_channels) {
    int in = colours, side = size;
    for (int i = 0; i < 8; ++i) {
      const std::string number = std::to_string(i);
      const int out = first_channels << (i / 2), stride = 1 + i % 2;
      stack_.add(*this, "conv" + number, i > 0 ? "bn" + number : "", padded_conv(in, out, 3, stride, i == 0));
      if (stride == 2) side = (side + 1) / 2;
      in = out;
    }
    linear1_ = register_module("linear1", nn::Linear(in * side * side, 1024));
    linear2_ = register_module("linear2", nn::Linear(1024, 1));
  }

 protected:
  Tensor run(Tensor x, Features* features) override {
    x = stack_.run(x, [&](size_t i, const Tensor& map) { keep(features, "conv" + std::to_string(i), map); });
    return linear2_->forward(leaky(linear1_->forward(x.flatten(1)), discriminator_slope));
  }

 private:
  NormalisedStack stack_;
  nn::Linear linear1_{nullptr}, linear2_{nullptr};
};

}  // namespace

MakeNetwork read_srgan_discriminator(Settings& settings, const std::string& /*name*/, int hr_size) {
  const int channels = settings.at_least("nf", 1, 64);
  return [=] { return std::make_shared<SrganDiscriminator>(hr_size, channels); };
}

}  // namespace esrgan::train
