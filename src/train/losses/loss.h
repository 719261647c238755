// The losses of a generator: what they look at, and the table of all that there are.
#pragma once

#include <torch/nn.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "train/losses/gan.h"
#include "train/settings.h"

namespace esrgan::train {

/// What losses look at: pictures n x 3 x h x w, the range [0, 1].
struct LossInputs {
  torch::Tensor fake;    ///< what the generator made
  torch::Tensor target;  ///< what it should have made
  torch::Tensor real;    ///< the originals, as the discriminator sees them
  torch::Tensor smooth;  ///< what the running mean of the generator makes; for losses that need it
  /// Features of pictures in the discriminator, from its first layer to its last; for losses that need them.
  std::function<std::vector<torch::Tensor>(const torch::Tensor&)> discriminator_features;
};

/// A loss: a mean over everything, so that it does not depend on batch or patch size. What it holds moves to
/// another device or type with it.
class Loss : public torch::nn::Module {
 public:
  virtual torch::Tensor of(const LossInputs& inputs) = 0;
};

/// Makes a loss when a run begins; throws Error for files that cannot be read.
using MakeLoss = std::function<std::shared_ptr<Loss>()>;

struct LossKind {
  const char* type;  ///< in recipes
  const char* name;  ///< in tables and charts, after "g_"
  /// Reads what the recipe says beside `type` and `weight`.
  MakeLoss (*read)(Settings& settings);
  bool needs_discriminator = false;
  bool needs_running_mean = false;
};

/// All of them: kinds.h.
std::span<const LossKind> loss_kinds();
/// Null when there is none of this type.
const LossKind* find_loss(const std::string& type);

/// A loss of a recipe.
struct LossTerm {
  const LossKind* kind = nullptr;
  double weight = 0;
  MakeLoss make;
};

struct LossRecipe {
  std::vector<LossTerm> terms;
  GanRecipe gan;  ///< with a discriminator
};

/// The losses of the section `train`: those of the list `losses`, or of pixel_weight, pixel_criterion,
/// feature_weight, feature_criterion, feature and tv_weight, and gan_weight, gan_type and gp_weight, which
/// are another spelling of it. Those of weight 0 are left out. `adversarial`: there is a discriminator, and
/// the usual weights are ESRGAN's. Throws Error for losses that need what there is not.
LossRecipe read_losses(Settings& train, bool adversarial, bool running_mean);

/// The distance of two tensors, as `l1`, `l2` or `charbonnier` name it.
using Distance = torch::Tensor (*)(const torch::Tensor& a, const torch::Tensor& b);
Distance read_distance(Settings& settings, const std::string& key);

/// Half precision is not enough for a mean over many values.
torch::Tensor precise(const torch::Tensor& values);

}  // namespace esrgan::train
