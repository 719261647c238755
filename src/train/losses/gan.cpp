#include "train/losses/gan.h"

#include <torch/torch.h>

namespace esrgan::train {
namespace {

using torch::Tensor;

/// Binary cross entropy of logits with one target for all.
Tensor cross_entropy(const Tensor& logits, bool real) {
  return torch::binary_cross_entropy_with_logits(logits,
                                                 real ? torch::ones_like(logits) : torch::zeros_like(logits));
}

}  // namespace

GanRecipe read_gan(Settings& settings, const std::string& weight_key) {
  GanRecipe gan;
  gan.weight = settings.at_least(weight_key, 0.0, gan.weight);
  if (gan.weight == 0) settings.refuse(weight_key, "more than 0, since the recipe has a network_D");
  gan.loss = settings.choose_as<GanLoss>("gan_type",
                                         {{"ragan", GanLoss::relativistic},
                                          {"vanilla", GanLoss::standard},
                                          {"lsgan", GanLoss::least_squares},
                                          {"hinge", GanLoss::hinge},
                                          {"wgan-gp", GanLoss::wasserstein}},
                                         gan.loss);
  gan.penalty = settings.at_least("gp_weight", 0.0, gan.penalty);
  return gan;
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
