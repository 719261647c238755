#include "train/networks/torch_support.h"

#include <esrgan/error.h>

#include <map>

namespace esrgan::train {
namespace {

/// PyTorch's batch normalisation counts its batches; that serves nobody.
bool is_counter(const std::string& name) {
  return name.ends_with("num_batches_tracked");
}

/// What a checkpoint of a network holds.
std::map<std::string, torch::Tensor> state_tensors(const torch::nn::Module& module) {
  std::map<std::string, torch::Tensor> found;
  for (const auto& entry : module.named_parameters()) found.emplace(entry.key(), entry.value());
  for (const auto& entry : module.named_buffers())
    if (!is_counter(entry.key())) found.emplace(entry.key(), entry.value());
  return found;
}

}  // namespace

Tensor to_tensor(const torch::Tensor& tensor) {
  const torch::Tensor plain = tensor.detach().to(torch::kCPU, torch::kFloat).contiguous();
  Tensor result;
  result.shape = plain.sizes().vec();
  result.values.assign(plain.data_ptr<float>(), plain.data_ptr<float>() + plain.numel());
  return result;
}

torch::Tensor from_tensor(const Tensor& tensor) {
  torch::Tensor result = torch::empty(tensor.shape, torch::kFloat);
  std::copy(tensor.values.begin(), tensor.values.end(), result.data_ptr<float>());
  return result;
}

StateDict state_of(const torch::nn::Module& module) {
  StateDict state;
  for (const auto& [name, tensor] : state_tensors(module)) state.tensors.emplace(name, to_tensor(tensor));
  return state;
}

void load_state(torch::nn::Module& module, const StateDict& state) {
  const torch::NoGradGuard no_gradients;
  auto targets = state_tensors(module);
  for (auto& [name, target] : targets) {
    const Tensor& found = state.at(name);
    if (found.shape != target.sizes().vec())
      throw Error(ErrorKind::bad_data, state.file, "shape of tensor '" + name + "'",
                  to_tensor(target).shape_text(), found.shape_text());
    target.copy_(from_tensor(found));
  }
  for (const auto& [name, tensor] : state.tensors)
    if (!targets.contains(name) && !is_counter(name))
      throw Error(ErrorKind::bad_data, state.file, "has a tensor '" + name + "' that the network lacks");
}

std::string load_what_fits(torch::nn::Module& module, const StateDict& state) {
  const torch::NoGradGuard no_gradients;
  auto targets = state_tensors(module);
  std::string left, fresh;
  const auto add = [](std::string& list, const std::string& name) {
    list += (list.empty() ? "" : ", ") + name;
  };
  size_t taken = 0;
  for (const auto& [name, tensor] : state.tensors) {
    const auto target = targets.find(name);
    if (target != targets.end() && tensor.shape == target->second.sizes().vec()) {
      target->second.copy_(from_tensor(tensor));
      targets.erase(target);
      ++taken;
    } else if (!is_counter(name)) {
      add(left, name);
    }
  }
  for (const auto& [name, target] : targets) add(fresh, name);
  std::string text = std::to_string(taken) + " tensors taken";
  if (!left.empty()) text += "; not taken, for the network has none of that name and shape: " + left;
  if (!fresh.empty()) text += "; begun anew: " + fresh;
  return text;
}

}  // namespace esrgan::train
