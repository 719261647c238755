// Real-ESRGAN's discriminator: Wang et al. 2021 (arXiv:2107.10833), section 3.3.
#include <torch/nn/functional.h>

#include "train/networks/discriminators/discriminators.h"

namespace esrgan::train {
namespace {

using torch::Tensor;
namespace nn = torch::nn;
namespace F = torch::nn::functional;

Tensor twice(const Tensor& x) {
  return F::interpolate(x, F::InterpolateFuncOptions()
                               .scale_factor(std::vector<double>{2, 2})
                               .mode(torch::kBilinear)
                               .align_corners(false));
}

class UnetDiscriminator : public Network {
 public:
  explicit UnetDiscriminator(int f) {
    conv0_ = register_module("conv0", padded_conv(colours, f, 3, 1, true));
    const int channels[] = {f, 2 * f, 4 * f, 8 * f, 4 * f, 2 * f, f, f, f};
    for (int i = 1; i <= 8; ++i)
      convs_.push_back(register_module(
          "conv" + std::to_string(i),
          std::make_shared<SpectralConv>(channels[i - 1], channels[i], i <= 3 ? 4 : 3, i <= 3 ? 2 : 1)));
    conv9_ = register_module("conv9", padded_conv(f, 1, 3, 1, true));
  }

 protected:
  Tensor run(Tensor x, Features* features) override {
    std::vector<Tensor> down{run_padded(conv0_, x, discriminator_slope)};
    keep(features, "conv0", down[0]);
    for (size_t i = 0; i < convs_.size(); ++i) {
      if (i < 3) {
        x = activated(i, down.back());
        down.push_back(x);
      } else if (i < 6) {
        x = activated(i, twice(x)) + down[5 - i];
      } else {
        x = activated(i, x);
      }
      keep(features, "conv" + std::to_string(i + 1), x);
    }
    return run_padded(conv9_, x);
  }

 private:
  Tensor activated(size_t i, const Tensor& x) { return leaky(convs_[i]->forward(x), discriminator_slope); }

  nn::Conv2d conv0_{nullptr}, conv9_{nullptr};
  std::vector<std::shared_ptr<SpectralConv>> convs_;
};

}  // namespace

MakeNetwork read_unet_discriminator(Settings& settings, const std::string& /*name*/, int hr_size) {
  if (hr_size % 8 != 0) settings.refuse("which_model_D", "HR_size as a multiple of 8 for the U-Net");
  const int channels = settings.at_least("nf", 1, 64);
  return [=] { return std::make_shared<UnetDiscriminator>(channels); };
}

}  // namespace esrgan::train
