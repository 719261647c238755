// Total variation (Rudin, Osher and Fatemi 1992, anisotropic): the mean absolute difference of neighbours,
// across plus down.
#include <torch/torch.h>

#include "train/losses/kinds.h"

namespace esrgan::train {
namespace {

class TotalVariation : public Loss {
 public:
  torch::Tensor of(const LossInputs& inputs) override {
    return torch::diff(inputs.fake, 1, 3).abs().mean() + torch::diff(inputs.fake, 1, 2).abs().mean();
  }
};

}  // namespace

MakeLoss read_total_variation(Settings& /*settings*/) {
  return [] { return std::make_shared<TotalVariation>(); };
}

}  // namespace esrgan::train
