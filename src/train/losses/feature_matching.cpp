// Feature matching (Wang et al. 2018, arXiv:1711.11585, pix2pixHD): the distance of enlarged and real
// pictures in the discriminator's layers, all of which count the same.
#include <torch/torch.h>

#include "train/losses/kinds.h"

namespace esrgan::train {
namespace {

using torch::Tensor;

class FeatureMatching : public Loss {
 public:
  explicit FeatureMatching(Distance distance) : distance_(distance) {}

  Tensor of(const LossInputs& inputs) override {
    const std::vector<Tensor> found = inputs.discriminator_features(inputs.fake);
    std::vector<Tensor> wanted;
    {
      const torch::NoGradGuard no_gradients;
      wanted = inputs.discriminator_features(inputs.real);
    }
    Tensor sum = torch::zeros({}, inputs.fake.options());
    for (size_t i = 0; i < found.size(); ++i) sum = sum + distance_(precise(found[i]), precise(wanted[i]));
    return sum / static_cast<double>(found.size());
  }

 private:
  Distance distance_;
};

}  // namespace

MakeLoss read_feature_matching(Settings& settings) {
  const Distance distance = read_distance(settings, "criterion");
  return [distance] { return std::make_shared<FeatureMatching>(distance); };
}

}  // namespace esrgan::train
