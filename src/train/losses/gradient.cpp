// The mean absolute difference of edges: of the two Sobel derivatives of every channel.
#include <torch/torch.h>

#include "train/losses/kinds.h"

namespace esrgan::train {
namespace {

using torch::Tensor;

class GradientLoss : public Loss {
 public:
  GradientLoss() {
    const Tensor across =
        torch::tensor({-1.0F, 0.0F, 1.0F, -2.0F, 0.0F, 2.0F, -1.0F, 0.0F, 1.0F}).view({3, 3});
    filters_ = register_buffer("filters", torch::stack({across, across.t()}).unsqueeze(1) / 4);
  }

  /// Derivatives are linear: those of the difference are the difference of theirs.
  Tensor of(const LossInputs& inputs) override {
    const Tensor difference = inputs.fake - inputs.target;
    const Tensor planes = difference.reshape({-1, 1, difference.size(2), difference.size(3)});
    return torch::conv2d(planes, filters_.to(planes.scalar_type())).abs().mean();
  }

 private:
  Tensor filters_;
};

}  // namespace

MakeLoss read_gradient(Settings& /*settings*/) {
  return [] { return std::make_shared<GradientLoss>(); };
}

}  // namespace esrgan::train
