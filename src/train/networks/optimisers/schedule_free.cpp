// Schedule-free AdamW (Defazio et al. 2024, arXiv:2405.15682): no schedule is needed, for what is used is a
// mean over all steps that is kept as training goes.
#include <algorithm>
#include <cmath>

#include "train/networks/optimisers/optimisers.h"

namespace esrgan::train {
namespace {

/// Three sequences: z, which AdamW's steps move; x, their weighted mean, which is to be used; and between
/// them y = (1 - beta1) z + beta1 x, where gradients are taken. The network's own parameters are y.
class ScheduleFree : public Optimiser {
 public:
  ScheduleFree(const OptimiserRecipe& recipe, const FlatParameters& parameters)
      : recipe_(recipe), z_(parameters.values().clone()), square_(torch::zeros_like(z_)) {}

  std::vector<std::pair<std::string, torch::Tensor*>> memory() override {
    return {{"z", &z_}, {"square", &square_}};
  }

  std::vector<std::pair<std::string, double*>> numbers() override {
    return {{"largest_rate", &largest_rate_}, {"weights", &weights_}};
  }

  void step(FlatParameters& parameters, double rate) override {
    const torch::NoGradGuard no_gradients;
    ++steps;
    torch::Tensor& y = parameters.values();
    const torch::Tensor gradient = parameters.gradients();
    square_.mul_(recipe_.beta2).addcmul_(gradient, gradient, 1 - recipe_.beta2);
    const double correction = 1 - std::pow(recipe_.beta2, static_cast<double>(steps));
    const torch::Tensor root = square_.div(correction).sqrt_().add_(optimiser_epsilon);
    torch::Tensor direction = gradient.div(root);
    if (recipe_.weight_decay > 0) direction.add_(y, recipe_.weight_decay);
    // Steps count by the square of their rate, so that a warm-up's are soon forgotten.
    largest_rate_ = std::max(largest_rate_, rate);
    const double weight = largest_rate_ * largest_rate_;
    weights_ += weight;
    const double share = weight / weights_;
    const torch::Tensor x = result(y).lerp_(z_.sub(direction, rate), share);
    z_.sub_(direction, rate);
    y.copy_(z_).lerp_(x, recipe_.beta1);
  }

  /// x = y + (1 - 1 / beta1) (z - y)
  torch::Tensor result(const torch::Tensor& y) const override {
    const torch::NoGradGuard no_gradients;
    return torch::lerp(y, z_, 1 - 1 / recipe_.beta1);
  }

 private:
  OptimiserRecipe recipe_;
  torch::Tensor z_, square_;
  double largest_rate_ = 0, weights_ = 0;
};

}  // namespace

std::unique_ptr<Optimiser> make_schedule_free(const OptimiserRecipe& recipe,
                                              const FlatParameters& parameters) {
  return std::make_unique<ScheduleFree>(recipe, parameters);
}

}  // namespace esrgan::train
