// ESRGAN's discriminator, whose blocks follow VGG (Wang et al. 2018, arXiv:1809.00219).
#include <esrgan/error.h>

#include <algorithm>

#include "train/networks/discriminators/discriminators.h"

namespace esrgan::train {
namespace {

using torch::Tensor;
namespace nn = torch::nn;

/// Halves the grid from the patch's size to 4x4, doubling the channels up to eight times the first.
class VggDiscriminator : public Network {
 public:
  VggDiscriminator(int size, int first_channels) : size_(size) {
    int channels = first_channels, in = colours, block = 0;
    int side = size;
    for (; side > 4 && side % 2 == 0; side /= 2, ++block) {
      const std::string name = std::to_string(block);
      const int out = block == 0 ? channels : std::min(2 * channels, 8 * first_channels);
      stack_.add(*this, "conv" + name + "_0", block == 0 ? "" : "bn" + name + "_0",
                 padded_conv(in, out, 3, 1, block == 0));
      stack_.add(*this, "conv" + name + "_1", "bn" + name + "_1", padded_conv(out, out, 4, 2, false));
      in = channels = out;
    }
    linear1_ = register_module("linear1", nn::Linear(channels * side * side, 100));
    linear2_ = register_module("linear2", nn::Linear(100, 1));
  }

 protected:
  Tensor run(Tensor x, Features* features) override {
    if (x.size(2) != size_ || x.size(3) != size_)
      throw Error(ErrorKind::bad_data, "", "patch for the discriminator",
                  std::to_string(size_) + " pixels a side", std::to_string(x.size(3)));
    x = stack_.run(x, [&](size_t i, const Tensor& map) {
      keep(features, "conv" + std::to_string(i / 2) + "_" + std::to_string(i % 2), map);
    });
    return linear2_->forward(leaky(linear1_->forward(x.flatten(1)), discriminator_slope));
  }

 private:
  int size_;
  NormalisedStack stack_;
  nn::Linear linear1_{nullptr}, linear2_{nullptr};
};

}  // namespace

MakeNetwork read_vgg_discriminator(Settings& settings, const std::string& name, int hr_size) {
  const int size = std::stoi(name.substr(name.rfind('_') + 1));
  if (size != hr_size)
    settings.refuse("which_model_D",
                    "a discriminator for the patches' size (HR_size: " + std::to_string(hr_size) + ")");
  const int channels = settings.at_least("nf", 1, 64);
  return [=] { return std::make_shared<VggDiscriminator>(size, channels); };
}

}  // namespace esrgan::train
