// Debian's libtorch-dev 1.13 lacks this header of LibTorch, which c10d's reducer.hpp includes. What that one
// names of it follows: two types, neither of which is complete or used here.
#pragma once

#include <ATen/Tensor.h>

#include <functional>
#include <memory>

namespace torch::distributed::autograd {

class DistAutogradContext {
 public:
  using GradCallback = std::function<bool(at::Tensor&)>;
};
using ContextPtr = std::shared_ptr<DistAutogradContext>;

}  // namespace torch::distributed::autograd
