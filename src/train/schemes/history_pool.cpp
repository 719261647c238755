#include "train/schemes/history_pool.h"

#include <torch/torch.h>

#include <utility>

#include "train/networks/torch_support.h"

namespace esrgan::train {

torch::Tensor HistoryPool::exchange(const torch::Tensor& pictures, Random& random) {
  std::vector<torch::Tensor> chosen;
  for (const torch::Tensor& picture : pictures.unbind()) {
    if (kept_.size() < size_) {
      kept_.push_back(picture.clone());
      chosen.push_back(picture);
    } else if (size_ > 0 && random.chance(0.5)) {
      chosen.push_back(std::exchange(kept_[random.below(size_)], picture.clone()));
    } else {
      chosen.push_back(picture);
    }
  }
  return torch::stack(chosen);
}

StateDict HistoryPool::state() const {
  StateDict state;
  if (!kept_.empty()) state.add("pictures", to_tensor(torch::stack(kept_)));
  return state;
}

void HistoryPool::restore(const StateDict& state) {
  kept_.clear();
  if (!state.contains("pictures")) return;
  for (const torch::Tensor& picture : from_tensor(state.at("pictures")).unbind())
    kept_.push_back(picture.clone());
}

}  // namespace esrgan::train
