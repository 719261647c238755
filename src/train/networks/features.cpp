#include "train/networks/features.h"

#include <esrgan/error.h>

#include <set>

#include "train/networks/convolution.h"
#include "weights/read_weights.h"

namespace esrgan::train {

VggFeatures::VggFeatures(const PerceptualRecipe& recipe) : before_activation_(recipe.before_activation) {
  const StateDict state = read_weights(recipe.weights, select_around("features.0.weight"));
  std::set<std::string> left;
  for (const auto& [layer, weight] : recipe.layers) left.insert(layer);
  const int depth = recipe.network == "vgg16" ? 3 : 4;
  int index = 0;  // of the layer among torchvision's `features`, which count activations and poolings too
  for (int block = 1; block <= 5 && !left.empty(); ++block) {
    const int convolutions = block <= 2 ? 2 : depth;
    for (int i = 1; i <= convolutions && !left.empty(); ++i) {
      const std::string tensor = "features." + std::to_string(index);
      const std::string layer = "conv" + std::to_string(block) + "_" + std::to_string(i);
      const std::string number = std::to_string(steps_.size());
      register_buffer("weight" + number, from_tensor(state.at(tensor + ".weight")));
      register_buffer("bias" + number, from_tensor(state.at(tensor + ".bias")));
      steps_.push_back({i == 1 && block > 1, left.erase(layer) > 0});
      if (steps_.back().wanted) weights_.push_back(recipe.layers.at(layer));
      index += 2;
    }
    ++index;
  }
  if (!left.empty())
    throw Error(ErrorKind::bad_data, "", "train.feature.layers", "layers of " + recipe.network,
                *left.begin());
  register_buffer("mean", torch::tensor({0.485F, 0.456F, 0.406F}).view({1, 3, 1, 1}));
  register_buffer("deviation", torch::tensor({0.229F, 0.224F, 0.225F}).view({1, 3, 1, 1}));
}

std::vector<torch::Tensor> VggFeatures::forward(const torch::Tensor& pictures) const {
  const auto buffers = named_buffers();  // those that a move to another device replaced
  torch::Tensor x = (pictures - buffers["mean"]) / buffers["deviation"];
  std::vector<torch::Tensor> found;
  for (size_t i = 0; i < steps_.size(); ++i) {
    const std::string number = std::to_string(i);
    if (steps_[i].pool_before) x = torch::max_pool2d(x, 2);
    // A layer that is wanted before its activation is computed without it.
    const bool bare = steps_[i].wanted && before_activation_;
    x = convolve(x, buffers["weight" + number], buffers["bias" + number], bare ? 1 : 0);
    if (steps_[i].wanted) found.push_back(x);
    if (bare && i + 1 < steps_.size()) x = torch::relu(x);
  }
  return found;
}

}  // namespace esrgan::train
