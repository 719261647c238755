// What the rooms of training share of LibTorch.
#pragma once

#include <torch/nn.h>

#include <string>

#include "weights/state_dict.h"

namespace esrgan::train {

/// Parameters and running statistics by name, as floats on the CPU.
StateDict state_of(const torch::nn::Module& module);

/// Copies tensors into the module's, name by name. Throws Error naming file and tensor when one is missing,
/// left over or of another shape.
void load_state(torch::nn::Module& module, const StateDict& state);

/// Copies those tensors that the module has with the same name and shape. Says what was taken, and names what
/// was left on either side.
std::string load_what_fits(torch::nn::Module& module, const StateDict& state);

/// A tensor's values as floats.
Tensor to_tensor(const torch::Tensor& tensor);
torch::Tensor from_tensor(const Tensor& tensor);

}  // namespace esrgan::train
