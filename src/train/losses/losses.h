// Losses. All are means over everything, so that they do not depend on batch or patch size.
#pragma once

#include <torch/types.h>

#include <functional>

#include "train/networks/features.h"
#include "train/recipe.h"

namespace esrgan::train {

/// Mean of |a - b|, (a - b)^2 or sqrt((a - b)^2 + 1e-12) (Charbonnier; BasicSR's epsilon).
torch::Tensor pixel_loss(PixelLoss kind, const torch::Tensor& a, const torch::Tensor& b);

/// Weighted sum over layers of the pixel loss of features (Johnson et al. 2016, arXiv:1603.08155). No
/// gradient flows to `target`.
torch::Tensor perceptual_loss(const PerceptualRecipe& recipe, const VggFeatures& features,
                              const torch::Tensor& upscaled, const torch::Tensor& target);

/// Mean absolute difference of neighbours, across plus down (Rudin, Osher and Fatemi 1992, anisotropic).
torch::Tensor total_variation(const torch::Tensor& pictures);

/// What the generator minimises, from the discriminator's logits of enlarged and of real pictures; `real` is
/// used by the relativistic form only (Jolicoeur-Martineau 2018, arXiv:1807.00734): 1/2 [BCE(r - mean f, 0) +
/// BCE(f - mean r, 1)].
torch::Tensor generator_loss(GanLoss kind, const torch::Tensor& fake, const torch::Tensor& real);

/// What the discriminator minimises. standard: BCE(r, 1) + BCE(f, 0); relativistic: 1/2 [BCE(r - mean f, 1) +
/// BCE(f - mean r, 0)]; least squares (Mao et al. 2017): (r - 1)^2 + f^2; hinge (Lim and Ye 2017): relu(1 -
/// r) + relu(1 + f); wasserstein: f - r.
torch::Tensor discriminator_loss(GanLoss kind, const torch::Tensor& fake, const torch::Tensor& real);

/// Mean of (|gradient of the discriminator| - 1)^2 at points between real and fake pictures (Gulrajani et al.
/// 2017, arXiv:1704.00028); `mix` holds a number in [0, 1] for each picture, n x 1 x 1 x 1.
torch::Tensor gradient_penalty(const std::function<torch::Tensor(torch::Tensor)>& discriminator,
                               const torch::Tensor& real, const torch::Tensor& fake,
                               const torch::Tensor& mix);

}  // namespace esrgan::train
