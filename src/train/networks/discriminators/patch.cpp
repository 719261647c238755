// PatchGAN: Isola et al. 2017 (arXiv:1611.07004), section 6.1.2. One logit for each place that its window of
// pixels (70 with three layers) can take.
#include <algorithm>

#include "train/networks/discriminators/discriminators.h"

namespace esrgan::train {
namespace {

using torch::Tensor;
namespace nn = torch::nn;

enum class Norm { batch, instance, spectral };

/// 4x4 convolutions: `layers` + 1 that halve the grid but for the last, then the one to logits. Tensor names
/// are those of the authors' code.
class PatchDiscriminator : public Network {
 public:
  PatchDiscriminator(int first_channels, int layers, Norm norm) : norm_(norm) {
    nn::Sequential model;
    int in = colours;
    for (int i = 0; i <= layers; ++i) {
      const int out = first_channels << std::min(i, 3), stride = i < layers ? 2 : 1;
      // As the authors have it: an offset is of no use before a normalisation that takes means away.
      const bool plain = i == 0, offset = plain || norm == Norm::instance;
      if (norm == Norm::spectral && !plain) {
        spectral_.push_back(std::make_shared<SpectralConv>(in, out, 4, stride));
        model->push_back(spectral_.back());
      } else {
        convs_.push_back(padded_conv(in, out, 4, stride, offset));
        model->push_back(convs_.back());
      }
      if (norm == Norm::batch && !plain) {
        norms_.push_back(nn::BatchNorm2d(out));
        model->push_back(norms_.back());
      } else if (norm == Norm::instance && !plain) {
        model->push_back(nn::InstanceNorm2d(out));
      }
      model->push_back(nn::LeakyReLU(nn::LeakyReLUOptions().negative_slope(discriminator_slope)));
      in = out;
    }
    convs_.push_back(padded_conv(in, 1, 4, 1, true));
    model->push_back(convs_.back());
    register_module("model", model);
  }

 protected:
  Tensor run(Tensor x, Features* features) override {
    x = run_padded(convs_.front(), x, discriminator_slope);
    keep(features, "layer0", x);
    const size_t inner = norm_ == Norm::spectral ? spectral_.size() : convs_.size() - 2;
    for (size_t i = 0; i < inner; ++i) {
      x = norm_ == Norm::spectral ? spectral_[i]->forward(x) : run_padded(convs_[i + 1], x);
      if (norm_ == Norm::batch) x = norms_[i]->forward(x);
      if (norm_ == Norm::instance) x = torch::instance_norm(x, {}, {}, {}, {}, true, 0.1, 1e-5, false);
      x = leaky(x, discriminator_slope);
      keep(features, "layer" + std::to_string(i + 1), x);
    }
    return run_padded(convs_.back(), x);
  }

 private:
  Norm norm_;
  std::vector<nn::Conv2d> convs_;
  std::vector<nn::BatchNorm2d> norms_;
  std::vector<std::shared_ptr<SpectralConv>> spectral_;
};

}  // namespace

MakeNetwork read_patch_discriminator(Settings& settings, const std::string& /*name*/, int hr_size) {
  const int channels = settings.at_least("nf", 1, 64), layers = settings.at_least("layers", 1, 3);
  const Norm norm = settings.choose_as<Norm>(
      "norm", {{"batch", Norm::batch}, {"instance", Norm::instance}, {"spectral", Norm::spectral}},
      Norm::batch);
  if (layers > 8 || (hr_size >> layers) < 4)
    settings.refuse("layers", "so few that 4 pixels of HR_size are left, which each of them halves");
  return [=] { return std::make_shared<PatchDiscriminator>(channels, layers, norm); };
}

}  // namespace esrgan::train
