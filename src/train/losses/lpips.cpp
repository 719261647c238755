// LPIPS (Zhang et al. 2018, arXiv:1801.03924), version 0.1 of the published package: squared distances of
// features of unit length, weighted channel by channel by the published heads.
#include <esrgan/error.h>
#include <torch/torch.h>

#include "train/losses/kinds.h"
#include "train/networks/features.h"
#include "weights/read_weights.h"

namespace esrgan::train {
namespace {

using torch::Tensor;

/// Of each pixel's features.
Tensor to_unit_length(const Tensor& features) {
  constexpr double epsilon = 1e-10;
  return features / (torch::sqrt(torch::square(features).sum(1, true)) + epsilon);
}

class Lpips : public Loss {
 public:
  Lpips(const BackboneRecipe& recipe, const std::string& heads_file)
      : backbone_(register_module("backbone", std::make_shared<Backbone>(recipe))) {
    const StateDict state = read_weights(heads_file, select_around("lin0.model.1.weight"));
    for (size_t i = 0; i < recipe.layers.size(); ++i) {
      const std::string name = "lin" + std::to_string(i);
      heads_.push_back(register_buffer(name, from_tensor(state.at(name + ".model.1.weight"))));
    }
  }

  Tensor of(const LossInputs& inputs) override {
    const std::vector<Tensor> found = backbone_->forward(inputs.fake),
                              wanted = backbone_->forward(inputs.target);
    Tensor sum = torch::zeros({}, inputs.fake.options());
    for (size_t i = 0; i < found.size(); ++i) {
      const Tensor difference = to_unit_length(precise(found[i])) - to_unit_length(precise(wanted[i]));
      if (difference.size(1) != heads_[i].numel())
        throw Error(ErrorKind::bad_data, "", "heads of LPIPS",
                    std::to_string(difference.size(1)) + " weights for layer " + backbone_->layers()[i],
                    std::to_string(heads_[i].numel()));
      sum = sum + (torch::square(difference) * heads_[i].view({1, -1, 1, 1})).sum(1).mean();
    }
    return sum;
  }

 private:
  std::shared_ptr<Backbone> backbone_;
  std::vector<Tensor> heads_;
};

}  // namespace

MakeLoss read_lpips(Settings& settings) {
  BackboneRecipe recipe = read_backbone(settings, {"vgg16", "alexnet"});
  recipe.layers = recipe.network == "alexnet"
                      ? backbone_layers("alexnet")
                      : std::vector<std::string>{"conv1_2", "conv2_2", "conv3_3", "conv4_3", "conv5_3"};
  const auto heads = settings.get<std::string>("heads", "");
  if (heads.empty())
    settings.refuse("heads", "a file with the heads of LPIPS (" +
                                 std::string(recipe.network == "alexnet" ? "alex" : "vgg") +
                                 ".pth of the published package)");
  return [=] { return std::make_shared<Lpips>(recipe, heads); };
}

}  // namespace esrgan::train
