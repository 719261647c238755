#include "train/networks/discriminator.h"

#include <torch/nn/functional.h>

#include <esrgan/error.h>

#include "train/networks/convolution.h"

namespace esrgan::train {
namespace {

constexpr int colours = 3;

using torch::Tensor;
namespace nn = torch::nn;
namespace F = torch::nn::functional;

constexpr double slope = 0.2;

Tensor leaky(const Tensor& x) {
  return torch::leaky_relu(x, slope);
}

nn::Conv2d conv(int in, int out, int kernel, int stride, bool bias) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, kernel).stride(stride).padding(1).bias(bias));
}

Tensor run(const nn::Conv2d& layer, const Tensor& x, double slope_after = 1) {
  const auto& options = layer->options;
  if (options.stride()->at(0) == 1) return convolve(layer, x, slope_after);
  const Tensor y = torch::conv2d(x, layer->weight, layer->bias, options.stride(), 1);
  return slope_after == 1 ? y : leaky(y);
}

/// Convolution, normalisation (but for the first), activation; again and again.
Tensor run_blocks(const std::vector<nn::Conv2d>& convs, std::vector<nn::BatchNorm2d>& norms, Tensor x) {
  x = run(convs[0], x, slope);
  for (size_t i = 1; i < convs.size(); ++i) x = leaky(norms[i - 1]->forward(run(convs[i], x)));
  return x;
}

/// Halves the grid from the patch's size to 4x4, doubling the channels up to eight times the first (ESRGAN;
/// its blocks follow VGG).
class VggDiscriminator : public Layer {
 public:
  explicit VggDiscriminator(const DiscriminatorRecipe& r) : size_(r.input_size) {
    int channels = r.features, in = colours, block = 0;
    int side = r.input_size;
    for (; side > 4 && side % 2 == 0; side /= 2, ++block) {
      const std::string name = std::to_string(block);
      const int out = block == 0 ? channels : std::min(2 * channels, 8 * r.features);
      add("conv" + name + "_0", block == 0 ? "" : "bn" + name + "_0", conv(in, out, 3, 1, block == 0));
      add("conv" + name + "_1", "bn" + name + "_1", conv(out, out, 4, 2, false));
      in = channels = out;
    }
    linear1_ = register_module("linear1", nn::Linear(channels * side * side, 100));
    linear2_ = register_module("linear2", nn::Linear(100, 1));
  }

  Tensor forward(Tensor x) override {
    if (x.size(2) != size_ || x.size(3) != size_)
      throw Error(ErrorKind::bad_data, "", "patch for the discriminator",
                  std::to_string(size_) + " pixels a side", std::to_string(x.size(3)));
    x = run_blocks(convs_, norms_, x);
    return linear2_->forward(leaky(linear1_->forward(x.flatten(1))));
  }

 private:
  void add(const std::string& name, const std::string& norm, const nn::Conv2d& layer) {
    convs_.push_back(register_module(name, layer));
    if (!norm.empty())
      norms_.push_back(register_module(norm, nn::BatchNorm2d(layer->options.out_channels())));
  }

  int size_;
  std::vector<nn::Conv2d> convs_;
  std::vector<nn::BatchNorm2d> norms_;  // of all but the first
  nn::Linear linear1_{nullptr}, linear2_{nullptr};
};

/// Ledig et al. 2017 (arXiv:1609.04802), figure 4.
class SrganDiscriminator : public Layer {
 public:
  explicit SrganDiscriminator(const DiscriminatorRecipe& r) {
    int in = colours, side = r.input_size;
    for (int i = 0; i < 8; ++i) {
      const int out = r.features << (i / 2), stride = 1 + i % 2;
      convs_.push_back(register_module("conv" + std::to_string(i), conv(in, out, 3, stride, i == 0)));
      if (i > 0) norms_.push_back(register_module("bn" + std::to_string(i), nn::BatchNorm2d(out)));
      if (stride == 2) side = (side + 1) / 2;
      in = out;
    }
    linear1_ = register_module("linear1", nn::Linear(in * side * side, 1024));
    linear2_ = register_module("linear2", nn::Linear(1024, 1));
  }

  Tensor forward(Tensor x) override {
    x = run_blocks(convs_, norms_, x);
    return linear2_->forward(leaky(linear1_->forward(x.flatten(1))));
  }

 private:
  std::vector<nn::Conv2d> convs_;
  std::vector<nn::BatchNorm2d> norms_;
  nn::Linear linear1_{nullptr}, linear2_{nullptr};
};

/// A convolution without bias whose weights are divided by their largest singular value, by one step of power
/// iteration for each forward pass of training (Miyato et al. 2018, arXiv:1802.05957). Tensor names as in
/// PyTorch's spectral_norm.
class SpectralConv : public Layer {
 public:
  SpectralConv(int in, int out, int kernel, int stride) : stride_(stride) {
    const nn::Conv2d layer = conv(in, out, kernel, stride, false);
    weight_ = register_parameter("weight_orig", layer->weight.detach().clone());
    u_ = register_buffer("weight_u", unit(torch::randn({out})));
    v_ = register_buffer("weight_v", unit(torch::randn({in * kernel * kernel})));
  }

  Tensor forward(Tensor x) override {
    const Tensor matrix = weight_.flatten(1);
    if (is_training()) {
      const torch::NoGradGuard no_gradients;
      v_.copy_(unit(torch::mv(matrix.t(), u_)));
      u_.copy_(unit(torch::mv(matrix, v_)));
    }
    // Copies: the next forward pass changes the vectors before this one's gradients are taken.
    const Tensor norm = torch::dot(u_.clone(), torch::mv(matrix, v_.clone()));
    const Tensor weight = weight_ / norm;
    return stride_ == 1 ? convolve(x, weight, {}) : torch::conv2d(x, weight, {}, stride_, 1);
  }

 private:
  static Tensor unit(const Tensor& x) { return F::normalize(x, F::NormalizeFuncOptions().dim(0).eps(1e-12)); }

  int stride_;
  Tensor weight_, u_, v_;
};

/// Wang et al. 2021 (Real-ESRGAN, arXiv:2107.10833), section 3.3.
class UnetDiscriminator : public Layer {
 public:
  explicit UnetDiscriminator(const DiscriminatorRecipe& r) {
    const int f = r.features;
    conv0_ = register_module("conv0", conv(colours, f, 3, 1, true));
    const int channels[] = {f, 2 * f, 4 * f, 8 * f, 4 * f, 2 * f, f, f, f};
    for (int i = 1; i <= 8; ++i)
      convs_.push_back(register_module(
          "conv" + std::to_string(i),
          std::make_shared<SpectralConv>(channels[i - 1], channels[i], i <= 3 ? 4 : 3, i <= 3 ? 2 : 1)));
    conv9_ = register_module("conv9", conv(f, 1, 3, 1, true));
  }

  Tensor forward(Tensor x) override {
    std::vector<Tensor> down{run(conv0_, x, slope)};
    for (size_t i = 0; i < 3; ++i) down.push_back(leaky(convs_[i]->forward(down.back())));
    x = down[3];
    for (size_t i = 3; i < 6; ++i) x = leaky(convs_[i]->forward(twice(x))) + down[5 - i];
    for (size_t i = 6; i < 8; ++i) x = leaky(convs_[i]->forward(x));
    return run(conv9_, x);
  }

 private:
  static Tensor twice(const Tensor& x) {
    return F::interpolate(x, F::InterpolateFuncOptions()
                                 .scale_factor(std::vector<double>{2, 2})
                                 .mode(torch::kBilinear)
                                 .align_corners(false));
  }

  nn::Conv2d conv0_{nullptr}, conv9_{nullptr};
  std::vector<std::shared_ptr<SpectralConv>> convs_;
};

}  // namespace

std::shared_ptr<Layer> make_discriminator(const DiscriminatorRecipe& recipe) {
  switch (recipe.kind) {
    case DiscriminatorRecipe::Kind::unet:
      return std::make_shared<UnetDiscriminator>(recipe);
    case DiscriminatorRecipe::Kind::srgan:
      return std::make_shared<SrganDiscriminator>(recipe);
    case DiscriminatorRecipe::Kind::vgg:
      break;
  }
  return std::make_shared<VggDiscriminator>(recipe);
}

}  // namespace esrgan::train
