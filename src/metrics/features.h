// How far two pictures are apart for a network that recognises things, rather than pixel by pixel.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "device/device.h"
#include "image/float_image.h"

namespace esrgan {

struct PerceptualDistance {
  double features = 0;          ///< squared distance of the features' directions, summed over the layers
  std::optional<double> lpips;  ///< the same weighted channel by channel, where there are heads
};

/// VGG16 (Simonyan and Zisserman 2015, arXiv:1409.1556) as Zhang et al. use it (2018, arXiv:1801.03924,
/// equation 1): features of conv1_2, conv2_2, conv3_3, conv4_3 and conv5_3 behind their activations, each
/// pixel's brought to unit length, squared differences summed over the channels, their mean over the pixels,
/// summed over the layers. With the published heads of version 0.1 this is LPIPS; without, the features'
/// distance alone.
class FeatureDistance {
 public:
  /// `weights`: a file with torchvision's tensors (features.0.weight, ...). `heads`: the published file
  /// "vgg.pth", or empty. `device` must outlive this. Throws Error naming the file.
  FeatureDistance(const std::string& weights, const std::string& heads, Device& device);

  /// Of two pictures of the same size, at least 16 pixels each way, values in [0, 1], whole, without their
  /// alpha; gray ones count as colours. Takes about 600 bytes a pixel. Throws Error when the sizes differ.
  PerceptualDistance of(const FloatImage& reference, const FloatImage& test);

 private:
  static constexpr size_t blocks = 5;
  std::array<std::unique_ptr<Executor>, blocks> executors_;  // the convolutions between two poolings
  std::vector<std::vector<float>> heads_;                    // of each block, or none
};

}  // namespace esrgan
