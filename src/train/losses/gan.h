// What generator and discriminator minimise against each other. All are means over everything.
#pragma once

#include <torch/types.h>

#include <functional>

#include "train/settings.h"

namespace esrgan::train {

/// standard: Goodfellow et al. 2014 (arXiv:1406.2661), the generator's not saturating; relativistic average:
/// Jolicoeur-Martineau 2018 (arXiv:1807.00734); least squares: Mao et al. 2017 (arXiv:1611.04076); hinge: Lim
/// and Ye 2017 (arXiv:1705.02894); wasserstein with gradient penalty: Gulrajani et al. 2017
/// (arXiv:1704.00028).
enum class GanLoss { standard, relativistic, least_squares, hinge, wasserstein };

struct GanRecipe {
  double weight = 5e-3;
  GanLoss loss = GanLoss::relativistic;
  double penalty = 10;  ///< wasserstein: weight of the gradient penalty
};

/// Reads gan_type and gp_weight, and the weight by its key.
GanRecipe read_gan(Settings& settings, const std::string& weight_key);

/// What the generator minimises, from the discriminator's logits of enlarged and of real pictures; `real` is
/// used by the relativistic form only: 1/2 [BCE(r - mean f, 0) + BCE(f - mean r, 1)].
torch::Tensor generator_loss(GanLoss kind, const torch::Tensor& fake, const torch::Tensor& real);

/// What the discriminator minimises. standard: BCE(r, 1) + BCE(f, 0); relativistic: 1/2 [BCE(r - mean f, 1) +
/// BCE(f - mean r, 0)], gradients through both means, as in the paper (BasicSR takes the other side's as
/// given); least squares: (r - 1)^2 + f^2; hinge: relu(1 - r) + relu(1 + f); wasserstein: f - r.
torch::Tensor discriminator_loss(GanLoss kind, const torch::Tensor& fake, const torch::Tensor& real);

/// Mean of (|gradient of the discriminator| - 1)^2 at points between real and fake pictures; `mix` holds a
/// number in [0, 1] for each picture, n x 1 x 1 x 1.
torch::Tensor gradient_penalty(const std::function<torch::Tensor(torch::Tensor)>& discriminator,
                               const torch::Tensor& real, const torch::Tensor& fake,
                               const torch::Tensor& mix);

}  // namespace esrgan::train
