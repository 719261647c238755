// The mean absolute difference of blurred pictures: hues and brightness stay those of the target, whatever
// becomes of the details.
#include "train/losses/kinds.h"
#include "train/losses/windows.h"

namespace esrgan::train {
namespace {

class ColourLoss : public Loss {
 public:
  explicit ColourLoss(double sigma) {
    const auto reach = static_cast<int64_t>(std::ceil(3 * sigma));
    window_ = register_buffer("window", gaussian_window(2 * reach + 1, sigma));
  }

  torch::Tensor of(const LossInputs& inputs) override {
    const int64_t reach = window_.numel() / 2;
    const torch::Tensor difference = inputs.fake - inputs.target;
    return filtered(torch::replication_pad2d(difference, {reach, reach, reach, reach}), window_).abs().mean();
  }

 private:
  torch::Tensor window_;
};

}  // namespace

MakeLoss read_colour(Settings& settings) {
  const double sigma = settings.at_least("sigma", 0.1, 3.0);
  return [sigma] { return std::make_shared<ColourLoss>(sigma); };
}

}  // namespace esrgan::train
