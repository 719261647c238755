#include "train/parameters.h"

#include <esrgan/error.h>

#include <cmath>

namespace esrgan::train {

FlatParameters::FlatParameters(torch::nn::Module& module) {
  const torch::NoGradGuard no_gradients;
  for (const auto& entry : module.named_parameters()) {
    names_.push_back(entry.key());
    parameters_.push_back(entry.value());
  }
  int64_t count = 0;
  for (const torch::Tensor& parameter : parameters_) count += parameter.numel();
  values_ = torch::empty({count}, parameters_.at(0).options().requires_grad(false));
  gradients_ = torch::zeros_like(values_);
  int64_t begin = 0;
  for (torch::Tensor& parameter : parameters_) {
    const int64_t size = parameter.numel();
    const torch::Tensor place = values_.slice(0, begin, begin + size).view(parameter.sizes());
    place.copy_(parameter);
    parameter.set_data(place);
    parameter.mutable_grad() = gradients_.slice(0, begin, begin + size).view(parameter.sizes());
    begin += size;
  }
}

void FlatParameters::require_gradients(bool on) {
  for (torch::Tensor& parameter : parameters_) parameter.set_requires_grad(on);
}

bool FlatParameters::divide(double factor) {
  if (factor == 1) return true;
  gradients_.div_(factor);
  return torch::isfinite(gradients_.sum()).item<bool>();
}

double FlatParameters::clip(double limit) {
  const auto norm = gradients_.norm().item<double>();
  if (limit > 0 && norm > limit) gradients_.mul_(limit / (norm + 1e-6));
  return norm;
}

std::vector<LayerNorm> FlatParameters::norms() const {
  const torch::NoGradGuard no_gradients;
  std::vector<LayerNorm> result;
  for (size_t i = 0; i < names_.size(); ++i)
    result.push_back(
        {names_[i], parameters_[i].grad().norm().item<double>(), parameters_[i].norm().item<double>()});
  return result;
}

StateDict FlatParameters::split(const torch::Tensor& flat) const {
  StateDict state;
  int64_t begin = 0;
  for (size_t i = 0; i < names_.size(); ++i) {
    const int64_t size = parameters_[i].numel();
    state.tensors.emplace(names_[i],
                          to_tensor(flat.slice(0, begin, begin + size).view(parameters_[i].sizes())));
    begin += size;
  }
  return state;
}

void FlatParameters::join(const StateDict& state, torch::Tensor& flat) const {
  int64_t begin = 0;
  for (size_t i = 0; i < names_.size(); ++i) {
    const Tensor& found = state.at(names_[i]);
    const int64_t size = parameters_[i].numel();
    if (found.shape != parameters_[i].sizes().vec())
      throw Error(ErrorKind::bad_data, state.file, "shape of tensor '" + names_[i] + "'",
                  to_tensor(parameters_[i]).shape_text(), found.shape_text());
    flat.slice(0, begin, begin + size).copy_(from_tensor(found).flatten());
    begin += size;
  }
}

Adam::Adam(const OptimizerRecipe& recipe, const FlatParameters& parameters)
    : mean(torch::zeros_like(parameters.values())), square(torch::zeros_like(mean)), recipe_(recipe) {}

void Adam::step(FlatParameters& parameters, double rate) {
  constexpr double epsilon = 1e-8;
  const torch::NoGradGuard no_gradients;
  ++steps;
  torch::Tensor gradient = parameters.gradients();
  if (recipe_.weight_decay > 0) gradient = gradient.add(parameters.values(), recipe_.weight_decay);
  mean.mul_(recipe_.beta1).add_(gradient, 1 - recipe_.beta1);
  square.mul_(recipe_.beta2).addcmul_(gradient, gradient, 1 - recipe_.beta2);
  const double correction1 = 1 - std::pow(recipe_.beta1, static_cast<double>(steps));
  const double correction2 = 1 - std::pow(recipe_.beta2, static_cast<double>(steps));
  const torch::Tensor root = square.sqrt().div_(std::sqrt(correction2)).add_(epsilon);
  parameters.values().addcdiv_(mean, root, -rate / correction1);
}

}  // namespace esrgan::train
