// The parameters of a network in one piece, and what is done to all of them at once.
#pragma once

#include <string>
#include <vector>
#include "train/networks/torch_support.h"

namespace esrgan::train {

/// Euclidean norms of one parameter and of its gradient.
struct ParameterNorm {
  std::string name;
  double gradient = 0, values = 0;
};

/// Moves a module's parameters, and their gradients, into two flat tensors; the module's own become views of
/// them.
class FlatParameters {
 public:
  explicit FlatParameters(torch::nn::Module& module);

  const std::vector<torch::Tensor>& parameters() const { return parameters_; }
  torch::Tensor& values() { return values_; }
  const torch::Tensor& values() const { return values_; }
  torch::Tensor& gradients() { return gradients_; }
  void zero_gradients() { gradients_.zero_(); }
  /// While off, gradients flow through the module but not to its parameters.
  void require_gradients(bool on);
  /// Divides the gradients; returns whether all of them are finite (which a factor of 1 does not look for).
  bool divide(double factor);
  /// Euclidean norm of all gradients. A number on their device, as all that follows: nobody waits for it.
  torch::Tensor norm() const;
  /// Scales gradients of this norm so that it is at most `limit` (0: no limit); returns the factor.
  torch::Tensor clip(const torch::Tensor& norm, double limit);

  std::vector<ParameterNorm> norms() const;

  /// A flat tensor like values() as one tensor for each parameter, and back. Throws Error when one is missing
  /// or of another shape.
  StateDict split(const torch::Tensor& flat) const;
  void join(const StateDict& state, torch::Tensor& flat) const;

 private:
  std::vector<std::string> names_;
  std::vector<torch::Tensor> parameters_;
  torch::Tensor values_, gradients_;
};

}  // namespace esrgan::train
