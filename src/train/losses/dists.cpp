// DISTS (Ding et al. 2020, arXiv:2004.07728): structure and texture of pictures and of their features in a
// VGG16 with smooth pooling, weighted by the published alpha and beta.
#include <esrgan/error.h>
#include <torch/torch.h>

#include "train/losses/kinds.h"
#include "train/networks/features.h"
#include "weights/read_weights.h"

namespace esrgan::train {
namespace {

using torch::Tensor;

class Dists : public Loss {
 public:
  Dists(const BackboneRecipe& recipe, const std::string& heads_file)
      : backbone_(register_module("backbone", std::make_shared<Backbone>(recipe))) {
    const StateDict state = read_weights(heads_file, select_around("alpha"));
    alpha_ = register_buffer("alpha", from_tensor(state.at("alpha")).flatten());
    beta_ = register_buffer("beta", from_tensor(state.at("beta")).flatten());
    const Tensor sum = alpha_.sum() + beta_.sum();
    alpha_.div_(sum);
    beta_.div_(sum);
  }

  Tensor of(const LossInputs& inputs) override {
    constexpr double c = 1e-6;
    const std::vector<Tensor> found = features_of(inputs.fake), wanted = features_of(inputs.target);
    Tensor likeness = torch::zeros({inputs.fake.size(0)}, inputs.fake.options());
    int64_t begin = 0;
    for (size_t i = 0; i < found.size(); ++i) {
      const Tensor &x = found[i], &y = wanted[i];
      const int64_t channels = x.size(1);
      if (begin + channels > alpha_.numel()) refuse(begin + channels);
      const Tensor mean_x = x.mean({2, 3}), mean_y = y.mean({2, 3});
      const Tensor variance_x = torch::square(x - mean_x.view({-1, channels, 1, 1})).mean({2, 3}),
                   variance_y = torch::square(y - mean_y.view({-1, channels, 1, 1})).mean({2, 3}),
                   covariance = (x * y).mean({2, 3}) - mean_x * mean_y;
      const Tensor texture = (2 * mean_x * mean_y + c) / (mean_x * mean_x + mean_y * mean_y + c),
                   structure = (2 * covariance + c) / (variance_x + variance_y + c);
      likeness = likeness + (alpha_.slice(0, begin, begin + channels) * texture +
                             beta_.slice(0, begin, begin + channels) * structure)
                                .sum(1);
      begin += channels;
    }
    if (begin != alpha_.numel()) refuse(begin);
    return 1 - likeness.mean();
  }

 private:
  /// The pictures themselves are the first.
  std::vector<Tensor> features_of(const Tensor& pictures) const {
    std::vector<Tensor> features{pictures};
    for (const Tensor& layer : backbone_->forward(pictures)) features.push_back(precise(layer));
    return features;
  }

  [[noreturn]] void refuse(int64_t channels) const {
    throw Error(ErrorKind::bad_data, "", "weights of DISTS", std::to_string(channels) + " channels",
                std::to_string(alpha_.numel()));
  }

  std::shared_ptr<Backbone> backbone_;
  Tensor alpha_, beta_;
};

}  // namespace

MakeLoss read_dists(Settings& settings) {
  BackboneRecipe recipe = read_backbone(settings, {"vgg16"});
  recipe.smooth_pooling = true;
  recipe.layers = {"conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3"};
  const auto heads = settings.get<std::string>("heads", "");
  if (heads.empty())
    settings.refuse("heads", "a file with alpha and beta of DISTS (weights.pt as published)");
  return [=] { return std::make_shared<Dists>(recipe, heads); };
}

}  // namespace esrgan::train
