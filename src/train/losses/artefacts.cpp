// LDL, locally discriminative learning (Liang, Zeng and Zhang 2022, arXiv:2203.09195): what the generator
// made is held to the target where its error varies as artefacts do, and not where its running mean errs
// more.
#include <torch/torch.h>

#include "train/losses/kinds.h"

namespace esrgan::train {
namespace {

using torch::Tensor;

/// The variance within a window around each pixel, the picture mirrored at its edges.
Tensor local_variance(const Tensor& values, int window) {
  const int64_t count = int64_t{window} * window, border = window / 2;
  const Tensor padded = torch::reflection_pad2d(values.to(torch::kDouble), {border, border, border, border});
  const Tensor mean = torch::avg_pool2d(padded, window, 1);
  const Tensor square = torch::avg_pool2d(padded * padded, window, 1);
  return (square - mean * mean).clamp_min(0) * (static_cast<double>(count) / static_cast<double>(count - 1));
}

class Artefacts : public Loss {
 public:
  explicit Artefacts(int window) : window_(window) {}

  Tensor of(const LossInputs& inputs) override {
    const Tensor weights = weights_of(inputs).to(inputs.fake.scalar_type());
    return ((inputs.fake - inputs.target) * weights).abs().mean();
  }

 private:
  /// No gradient flows through them.
  Tensor weights_of(const LossInputs& inputs) const {
    const torch::NoGradGuard no_gradients;
    const Tensor error = (inputs.target - inputs.fake).abs().sum(1, true),
                 smooth = (inputs.target - inputs.smooth).abs().sum(1, true);
    const Tensor patch = torch::pow(error.flatten(1).to(torch::kDouble).var(1, true), 0.2);
    const Tensor weights = local_variance(error, window_) * patch.view({-1, 1, 1, 1});
    return weights.masked_fill(error < smooth, 0);
  }

  int window_;
};

}  // namespace

MakeLoss read_artefacts(Settings& settings) {
  const int window = settings.at_least("window", 3, 7);
  if (window % 2 == 0) settings.refuse("window", "an odd number");
  return [window] { return std::make_shared<Artefacts>(window); };
}

}  // namespace esrgan::train
