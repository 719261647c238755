// What each file of this folder adds to the table of discriminators.
#pragma once

#include "train/networks/discriminator.h"

namespace esrgan::train {

constexpr int colours = 3;  ///< channels that a discriminator looks at
constexpr double discriminator_slope = 0.2;

MakeNetwork read_vgg_discriminator(Settings& settings, const std::string& name, int hr_size);
MakeNetwork read_srgan_discriminator(Settings& settings, const std::string& name, int hr_size);
MakeNetwork read_unet_discriminator(Settings& settings, const std::string& name, int hr_size);
MakeNetwork read_patch_discriminator(Settings& settings, const std::string& name, int hr_size);

/// Padding 1, as all of them have it.
torch::nn::Conv2d padded_conv(int in, int out, int kernel, int stride, bool bias);
/// Such a convolution and what follows it: what is negative is multiplied by `slope_after`.
torch::Tensor run_padded(const torch::nn::Conv2d& layer, const torch::Tensor& x, double slope_after = 1);

/// Convolution, normalisation (but for the first), activation; again and again.
class NormalisedStack {
 public:
  /// `norm`: the normalisation's name, empty for none. The modules become those of `owner`.
  void add(torch::nn::Module& owner, const std::string& name, const std::string& norm,
           const torch::nn::Conv2d& layer);
  /// `keep(i, map)` sees what the i-th has made.
  torch::Tensor run(torch::Tensor x, const std::function<void(size_t, const torch::Tensor&)>& keep);

 private:
  std::vector<torch::nn::Conv2d> convs_;
  std::vector<torch::nn::BatchNorm2d> norms_;  // of all but the first
};

/// A convolution without bias whose weights are divided by their largest singular value, by one step of power
/// iteration for each forward pass of training (Miyato et al. 2018, arXiv:1802.05957). Tensor names as in
/// PyTorch's spectral_norm.
class SpectralConv : public Layer {
 public:
  SpectralConv(int in, int out, int kernel, int stride);
  torch::Tensor forward(torch::Tensor x) override;

 private:
  int stride_;
  torch::Tensor weight_, u_, v_;
};

}  // namespace esrgan::train
