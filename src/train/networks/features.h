// Features of a VGG network, by which enlarged and real pictures are compared.
#pragma once

#include <memory>

#include "train/networks/torch_support.h"
#include "train/recipe.h"

namespace esrgan::train {

/// VGG16 or VGG19 (Simonyan and Zisserman 2015, arXiv:1409.1556) as far as the deepest layer that is asked
/// for, frozen.
class VggFeatures : public torch::nn::Module {
 public:
  /// Reads recipe.weights, with torchvision's tensor names (features.0.weight, ...). Throws Error naming the
  /// file.
  explicit VggFeatures(const PerceptualRecipe& recipe);

  /// The features of pictures in [0, 1] (n x 3 x h x w), from the first layer to the last.
  std::vector<torch::Tensor> forward(const torch::Tensor& pictures) const;
  /// The weights of those layers in the loss.
  const std::vector<double>& weights() const { return weights_; }

 private:
  struct Step {
    bool pool_before, wanted;
  };
  bool before_activation_;
  std::vector<Step> steps_;  // the tensors are buffers, which move with the module
  std::vector<double> weights_;
};

}  // namespace esrgan::train
