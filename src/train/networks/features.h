// Features of networks that classify pictures, by which enlarged and real pictures are compared.
#pragma once

#include <string>
#include <vector>

#include "train/networks/torch_support.h"
#include "train/settings.h"

namespace esrgan::train {

/// VGG16, VGG19 (Simonyan and Zisserman 2015, arXiv:1409.1556) or AlexNet (Krizhevsky 2014, arXiv:1404.5997).
struct BackboneRecipe {
  std::string network = "vgg19";    ///< or vgg16, alexnet
  std::string weights;              ///< file with torchvision's tensor names (features.0.weight, ...)
  std::vector<std::string> layers;  ///< such as conv5_4 (AlexNet: conv5)
  bool before_activation = false;
  bool smooth_pooling = false;  ///< the root of the mean square under a Hann window (DISTS) for the maximum
};

/// Reads `network`, one of `networks`, and `weights`.
BackboneRecipe read_backbone(Settings& settings, const std::vector<std::string>& networks);

/// The names of the layers of a network, from the first to the last.
std::vector<std::string> backbone_layers(const std::string& network);

/// Such a network as far as the deepest layer that is asked for, frozen.
class Backbone : public torch::nn::Module {
 public:
  /// Reads recipe.weights. Throws Error naming the file, or a layer that the network lacks.
  explicit Backbone(const BackboneRecipe& recipe);

  /// The features of pictures in [0, 1] (n x 3 x h x w) in the layers that were asked for, from the first to
  /// the last.
  std::vector<torch::Tensor> forward(const torch::Tensor& pictures) const;
  /// The names of those layers.
  const std::vector<std::string>& layers() const { return layers_; }

 private:
  struct Step {
    int stride, pooling;  // pooling before it: side of the window, 0 for none
    bool wanted;
    torch::Tensor weight, bias;
  };

  torch::Tensor pooled(const torch::Tensor& x, int window) const;

  bool before_activation_, smooth_pooling_;
  std::vector<Step> steps_;
  std::vector<std::string> layers_;
  torch::Tensor mean_, deviation_, hann_;
};

}  // namespace esrgan::train
