// Perceptual loss (Johnson, Alahi and Fei-Fei 2016, arXiv:1603.08155): a weighted sum over layers of the
// distance of features.
#include <esrgan/error.h>
#include <torch/torch.h>

#include <map>

#include "train/losses/kinds.h"
#include "train/networks/features.h"

namespace esrgan::train {
namespace {

using torch::Tensor;

class Perceptual : public Loss {
 public:
  Perceptual(const BackboneRecipe& recipe, const std::map<std::string, double>& layers, Distance distance)
      : backbone_(register_module("backbone", std::make_shared<Backbone>(recipe))), distance_(distance) {
    for (const std::string& layer : backbone_->layers()) weights_.push_back(layers.at(layer));
  }

  Tensor of(const LossInputs& inputs) override {
    const std::vector<Tensor> found = backbone_->forward(inputs.fake);
    std::vector<Tensor> wanted;
    {
      const torch::NoGradGuard no_gradients;
      wanted = backbone_->forward(inputs.target);
    }
    Tensor sum = torch::zeros({}, inputs.fake.options());
    for (size_t i = 0; i < found.size(); ++i)
      sum = sum + weights_[i] * distance_(precise(found[i]), precise(wanted[i]));
    return sum;
  }

 private:
  std::shared_ptr<Backbone> backbone_;
  std::vector<double> weights_;
  Distance distance_;
};

}  // namespace

MakeLoss perceptual(Settings& settings, Distance distance) {
  BackboneRecipe recipe = read_backbone(settings, {"vgg19", "vgg16"});
  recipe.before_activation = settings.get("before_activation", true);
  Settings section = settings.section("layers");
  std::map<std::string, double> layers;
  const std::vector<std::string> known = backbone_layers(recipe.network);
  for (const std::string& layer : known)
    if (const auto weight = section.find<double>(layer)) layers[layer] = section.get(layer, *weight);
  if (layers.empty()) layers[known.back()] = section.get(known.back(), 1.0);
  for (const auto& [layer, weight] : layers) recipe.layers.push_back(layer);
  return [=] { return std::make_shared<Perceptual>(recipe, layers, distance); };
}

MakeLoss read_perceptual(Settings& settings) {
  const Distance distance = read_distance(settings, "criterion");
  return perceptual(settings, distance);
}

}  // namespace esrgan::train
