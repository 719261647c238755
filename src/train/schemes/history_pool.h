// Earlier pictures of a generator, so that its discriminator does not forget them (Shrivastava et al. 2017,
// arXiv:1612.07828, section 2.3).
#pragma once

#include <torch/types.h>

#include <cstddef>
#include <vector>

#include "train/data/random.h"
#include "weights/state_dict.h"

namespace esrgan::train {

class HistoryPool {
 public:
  explicit HistoryPool(size_t size) : size_(size) {}

  /// n x c x h x w: each as it is while the pool fills; then in one case of two an earlier one, whose place
  /// it takes.
  torch::Tensor exchange(const torch::Tensor& pictures, Random& random);

  StateDict state() const;
  void restore(const StateDict& state);

 private:
  size_t size_;
  std::vector<torch::Tensor> kept_;
};

}  // namespace esrgan::train
