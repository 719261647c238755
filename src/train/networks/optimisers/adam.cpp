// Adam and AdamW.
#include <cmath>

#include "train/networks/optimisers/optimisers.h"

namespace esrgan::train {
namespace {

/// Kingma and Ba 2015 (arXiv:1412.6980), as PyTorch computes it (epsilon beside the corrected root); with
/// `decoupled` the decay of Loshchilov and Hutter 2019 (arXiv:1711.05101, AdamW), which does not pass through
/// the moments.
class Adam : public Optimiser {
 public:
  Adam(const OptimiserRecipe& recipe, bool decoupled, const FlatParameters& parameters)
      : recipe_(recipe),
        decoupled_(decoupled),
        mean_(torch::zeros_like(parameters.values())),
        square_(torch::zeros_like(mean_)) {}

  std::vector<std::pair<std::string, torch::Tensor*>> memory() override {
    return {{"mean", &mean_}, {"square", &square_}};
  }

  void step(FlatParameters& parameters, double rate) override {
    const torch::NoGradGuard no_gradients;
    ++steps;
    torch::Tensor gradient = parameters.gradients();
    if (recipe_.weight_decay > 0 && decoupled_) parameters.values().mul_(1 - rate * recipe_.weight_decay);
    if (recipe_.weight_decay > 0 && !decoupled_)
      gradient = gradient.add(parameters.values(), recipe_.weight_decay);
    mean_.mul_(recipe_.beta1).add_(gradient, 1 - recipe_.beta1);
    square_.mul_(recipe_.beta2).addcmul_(gradient, gradient, 1 - recipe_.beta2);
    const double correction1 = 1 - std::pow(recipe_.beta1, static_cast<double>(steps));
    const double correction2 = 1 - std::pow(recipe_.beta2, static_cast<double>(steps));
    const torch::Tensor root = square_.sqrt().div_(std::sqrt(correction2)).add_(optimiser_epsilon);
    parameters.values().addcdiv_(mean_, root, -rate / correction1);
  }

 private:
  OptimiserRecipe recipe_;
  bool decoupled_;
  torch::Tensor mean_, square_;
};

}  // namespace

std::unique_ptr<Optimiser> make_adam(const OptimiserRecipe& recipe, const FlatParameters& parameters) {
  return std::make_unique<Adam>(recipe, false, parameters);
}

std::unique_ptr<Optimiser> make_adamw(const OptimiserRecipe& recipe, const FlatParameters& parameters) {
  return std::make_unique<Adam>(recipe, true, parameters);
}

}  // namespace esrgan::train
