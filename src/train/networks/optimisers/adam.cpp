// Adam and AdamW.
#include <cmath>

#include "train/networks/optimisers/optimisers.h"

namespace esrgan::train {
namespace {

/// With `decoupled` the decay of Loshchilov and Hutter 2019 (arXiv:1711.05101, AdamW), which does not pass
/// through the moments.
class Adam : public Optimiser {
 public:
  Adam(const OptimiserRecipe& recipe, bool decoupled, const FlatParameters& parameters)
      : recipe_(recipe), decoupled_(decoupled), moments_(parameters.values()) {}

  std::vector<std::pair<std::string, torch::Tensor*>> memory() override { return moments_.memory(); }

  void step(FlatParameters& parameters, double rate) override {
    const torch::NoGradGuard no_gradients;
    ++steps;
    torch::Tensor gradient = parameters.gradients();
    if (recipe_.weight_decay > 0 && decoupled_) parameters.values().mul_(1 - rate * recipe_.weight_decay);
    if (recipe_.weight_decay > 0 && !decoupled_)
      gradient = gradient.add(parameters.values(), recipe_.weight_decay);
    moments_.add(gradient, recipe_, steps);
    parameters.values().addcdiv_(moments_.mean, moments_.root, -rate / moments_.share);
  }

 private:
  OptimiserRecipe recipe_;
  bool decoupled_;
  Moments moments_;
};

}  // namespace

void Moments::add(const torch::Tensor& gradient, const OptimiserRecipe& recipe, int64_t steps) {
  mean.mul_(recipe.beta1).add_(gradient, 1 - recipe.beta1);
  square.mul_(recipe.beta2).addcmul_(gradient, gradient, 1 - recipe.beta2);
  share = 1 - std::pow(recipe.beta1, static_cast<double>(steps));
  const double share_of_square = 1 - std::pow(recipe.beta2, static_cast<double>(steps));
  root = square.sqrt().div_(std::sqrt(share_of_square)).add_(optimiser_epsilon);
}

std::unique_ptr<Optimiser> make_adam(const OptimiserRecipe& recipe, const FlatParameters& parameters) {
  return std::make_unique<Adam>(recipe, false, parameters);
}

std::unique_ptr<Optimiser> make_adamw(const OptimiserRecipe& recipe, const FlatParameters& parameters) {
  return std::make_unique<Adam>(recipe, true, parameters);
}

}  // namespace esrgan::train
