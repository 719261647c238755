#include "train/losses/losses.h"

#include <torch/torch.h>

namespace esrgan::train {
namespace {

using torch::Tensor;

constexpr double charbonnier_epsilon = 1e-12;

/// Binary cross entropy of logits with one target for all.
Tensor cross_entropy(const Tensor& logits, bool real) {
  return torch::binary_cross_entropy_with_logits(logits,
                                                 real ? torch::ones_like(logits) : torch::zeros_like(logits));
}

/// Half precision is not enough for a mean over many features.
Tensor precise(const Tensor& features) {
  return features.scalar_type() == torch::kDouble ? features : features.to(torch::kFloat);
}

}  // namespace

Tensor pixel_loss(PixelLoss kind, const Tensor& a, const Tensor& b) {
  switch (kind) {
    case PixelLoss::l2:
      return torch::mse_loss(a, b);
    case PixelLoss::charbonnier:
      return torch::sqrt(torch::square(a - b) + charbonnier_epsilon).mean();
    case PixelLoss::l1:
      break;
  }
  return torch::l1_loss(a, b);
}

Tensor perceptual_loss(const PerceptualRecipe& recipe, const VggFeatures& features, const Tensor& upscaled,
                       const Tensor& target) {
  const std::vector<Tensor> found = features.forward(upscaled);
  std::vector<Tensor> wanted;
  {
    const torch::NoGradGuard no_gradients;
    wanted = features.forward(target);
  }
  Tensor sum = torch::zeros({}, upscaled.options());
  for (size_t i = 0; i < found.size(); ++i)
    sum = sum + features.weights()[i] * pixel_loss(recipe.criterion, precise(found[i]), precise(wanted[i]));
  return sum;
}

Tensor total_variation(const Tensor& pictures) {
  return torch::diff(pictures, 1, 3).abs().mean() + torch::diff(pictures, 1, 2).abs().mean();
}

Tensor generator_loss(GanLoss kind, const Tensor& fake, const Tensor& real) {
  switch (kind) {
    case GanLoss::standard:
      return cross_entropy(fake, true);
    case GanLoss::least_squares:
      return torch::square(fake - 1).mean();
    case GanLoss::hinge:
    case GanLoss::wasserstein:
      return -fake.mean();
    case GanLoss::relativistic:
      break;
  }
  return (cross_entropy(real - fake.mean(), false) + cross_entropy(fake - real.mean(), true)) / 2;
}

Tensor discriminator_loss(GanLoss kind, const Tensor& fake, const Tensor& real) {
  switch (kind) {
    case GanLoss::standard:
      return cross_entropy(real, true) + cross_entropy(fake, false);
    case GanLoss::least_squares:
      return torch::square(real - 1).mean() + torch::square(fake).mean();
    case GanLoss::hinge:
      return torch::relu(1 - real).mean() + torch::relu(1 + fake).mean();
    case GanLoss::wasserstein:
      return fake.mean() - real.mean();
    case GanLoss::relativistic:
      break;
  }
  return (cross_entropy(real - fake.mean(), true) + cross_entropy(fake - real.mean(), false)) / 2;
}

Tensor gradient_penalty(const std::function<Tensor(Tensor)>& discriminator, const Tensor& real,
                        const Tensor& fake, const Tensor& mix) {
  const Tensor between = (mix * real + (1 - mix) * fake).detach().requires_grad_(true);
  const Tensor logits = discriminator(between);
  const Tensor gradient = torch::autograd::grad({logits}, {between}, {torch::ones_like(logits)},
                                                /*retain_graph=*/true, /*create_graph=*/true)[0];
  return torch::square(gradient.flatten(1).norm(2, 1) - 1).mean();
}

}  // namespace esrgan::train
