// Distances of pixels: the mean of |a - b|, of (a - b)^2, or of sqrt((a - b)^2 + 1e-12) (Charbonnier et al.
// 1994, with BasicSR's epsilon).
#include <torch/torch.h>

#include "train/losses/kinds.h"

namespace esrgan::train {
namespace {

using torch::Tensor;

Tensor l1(const Tensor& a, const Tensor& b) {
  return torch::l1_loss(a, b);
}

Tensor l2(const Tensor& a, const Tensor& b) {
  return torch::mse_loss(a, b);
}

Tensor charbonnier(const Tensor& a, const Tensor& b) {
  constexpr double epsilon = 1e-12;
  return torch::sqrt(torch::square(a - b) + epsilon).mean();
}

class PixelLoss : public Loss {
 public:
  explicit PixelLoss(Distance distance) : distance_(distance) {}
  Tensor of(const LossInputs& inputs) override { return distance_(inputs.fake, inputs.target); }

 private:
  Distance distance_;
};

template <Distance distance>
std::shared_ptr<Loss> make() {
  return std::make_shared<PixelLoss>(distance);
}

}  // namespace

MakeLoss read_l1(Settings& /*settings*/) {
  return make<l1>;
}

MakeLoss read_l2(Settings& /*settings*/) {
  return make<l2>;
}

MakeLoss read_charbonnier(Settings& /*settings*/) {
  return make<charbonnier>;
}

Distance read_distance(Settings& settings, const std::string& key) {
  return settings.choose_as<Distance>(key, {{"l1", l1}, {"l2", l2}, {"charbonnier", charbonnier}}, l1);
}

}  // namespace esrgan::train
