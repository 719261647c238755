#include "train/networks/features.h"

#include <esrgan/error.h>

#include <set>

#include "train/networks/convolution.h"
#include "weights/read_weights.h"

namespace esrgan::train {
namespace {

/// A convolution of a network: its index among torchvision's `features`, which count activations and poolings
/// too.
struct LayerPlace {
  std::string name;
  int index, stride, pooling;
};

std::vector<LayerPlace> places_of(const std::string& network) {
  if (network == "alexnet")
    return {
        {"conv1", 0, 4, 0}, {"conv2", 3, 1, 3}, {"conv3", 6, 1, 3}, {"conv4", 8, 1, 0}, {"conv5", 10, 1, 0}};
  std::vector<LayerPlace> places;
  const int depth = network == "vgg16" ? 3 : 4;
  int index = 0;
  for (int block = 1; block <= 5; ++block, ++index)
    for (int i = 1; i <= (block <= 2 ? 2 : depth); ++i, index += 2)
      places.push_back(
          {"conv" + std::to_string(block) + "_" + std::to_string(i), index, 1, i == 1 && block > 1 ? 2 : 0});
  return places;
}

}  // namespace

BackboneRecipe read_backbone(Settings& settings, const std::vector<std::string>& networks) {
  BackboneRecipe recipe;
  recipe.network = settings.choose("network", networks, networks.front());
  recipe.weights = settings.get<std::string>("weights", "");
  if (recipe.weights.empty())
    settings.refuse("weights",
                    "a file with torchvision's " + recipe.network + " weights (.pth or .safetensors)");
  return recipe;
}

std::vector<std::string> backbone_layers(const std::string& network) {
  std::vector<std::string> names;
  for (const LayerPlace& place : places_of(network)) names.push_back(place.name);
  return names;
}

Backbone::Backbone(const BackboneRecipe& recipe)
    : before_activation_(recipe.before_activation), smooth_pooling_(recipe.smooth_pooling) {
  const StateDict state = read_weights(recipe.weights, select_around("features.0.weight"));
  std::set<std::string> left(recipe.layers.begin(), recipe.layers.end());
  for (const LayerPlace& place : places_of(recipe.network)) {
    if (left.empty()) break;
    const std::string tensor = "features." + std::to_string(place.index);
    const bool wanted = left.erase(place.name) > 0;
    if (wanted) layers_.push_back(place.name);
    const auto buffer = [&](const std::string& part) {
      return register_buffer(part + std::to_string(place.index), from_tensor(state.at(tensor + "." + part)));
    };
    steps_.push_back({place.stride, place.pooling, wanted, buffer("weight"), buffer("bias")});
  }
  if (!left.empty())
    throw Error(ErrorKind::bad_data, "", "layers of features", "layers of " + recipe.network, *left.begin());
  mean_ = register_buffer("mean", torch::tensor({0.485F, 0.456F, 0.406F}).view({1, 3, 1, 1}));
  deviation_ = register_buffer("deviation", torch::tensor({0.229F, 0.224F, 0.225F}).view({1, 3, 1, 1}));
  const torch::Tensor hann = torch::tensor({0.25F, 0.5F, 0.25F});
  hann_ = register_buffer("hann", torch::outer(hann, hann).view({1, 1, 3, 3}));
}

torch::Tensor Backbone::pooled(const torch::Tensor& x, int window) const {
  if (!smooth_pooling_) return torch::max_pool2d(x, window, 2);
  const int64_t channels = x.size(1);
  return torch::sqrt(
      torch::conv2d(x * x, hann_.expand({channels, 1, 3, 3}), torch::Tensor(), 2, 1, 1, channels) + 1e-12);
}

std::vector<torch::Tensor> Backbone::forward(const torch::Tensor& pictures) const {
  torch::Tensor x = (pictures - mean_) / deviation_;
  std::vector<torch::Tensor> found;
  for (size_t i = 0; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    if (step.pooling > 0) x = pooled(x, step.pooling);
    // A layer that is wanted before its activation is computed without it.
    const bool bare = step.wanted && before_activation_;
    if (step.stride == 1)
      x = convolve(x, step.weight, step.bias, bare ? 1 : 0);
    else {
      x = torch::conv2d(x, step.weight, step.bias, step.stride, 2);
      if (!bare) x = torch::relu(x);
    }
    if (step.wanted) found.push_back(x);
    if (bare && i + 1 < steps_.size()) x = torch::relu(x);
  }
  return found;
}

}  // namespace esrgan::train
