// What the rooms of training share of LibTorch.
#pragma once

#include <torch/nn.h>

#include <string>

#include "model/architecture.h"
#include "weights/state_dict.h"

namespace esrgan::train {

/// A module with one input and one output.
class Layer : public torch::nn::Module {
 public:
  virtual torch::Tensor forward(torch::Tensor x) = 0;
};

/// Parameters and running statistics by name, as floats on the CPU.
StateDict state_of(const torch::nn::Module& module);

/// Copies tensors into the module's, name by name. Throws Error naming file and tensor when one is missing,
/// left over or of another shape.
void load_state(torch::nn::Module& module, const StateDict& state);

/// A tensor's values as floats.
Tensor to_tensor(const torch::Tensor& tensor);
torch::Tensor from_tensor(const Tensor& tensor);

}  // namespace esrgan::train
