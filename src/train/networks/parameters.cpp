#include "train/networks/parameters.h"

#include <esrgan/error.h>

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

torch::Tensor FlatParameters::norm() const {
  return gradients_.norm();
}

torch::Tensor FlatParameters::clip(const torch::Tensor& norm, double limit) {
  if (limit <= 0) return torch::ones({}, torch::kDouble);
  // A norm that is not a number leaves the gradients as they are: the run looks for it.
  const torch::Tensor exact = norm.to(torch::kDouble);
  const torch::Tensor factor = torch::where(exact > limit, limit / (exact + 1e-6), torch::ones_like(exact));
  gradients_.mul_(factor);
  return factor;
}

std::vector<ParameterNorm> FlatParameters::norms() const {
  const torch::NoGradGuard no_gradients;
  std::vector<ParameterNorm> result;
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

}  // namespace esrgan::train
