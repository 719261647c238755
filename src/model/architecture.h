// What a network of the ESRGAN family looks like, found from its weights alone.
#pragma once

#include <string>
#include <vector>

#include "weights/state_dict.h"

namespace esrgan {

enum class Family {
  rrdbnet,    ///< ESRGAN, Real-ESRGAN, RealSR, BSRGAN (Wang et al. 2018, arXiv:1809.00219); ESRGAN+ too
  compact,    ///< SRVGGNetCompact (Real-ESRGAN's animevideov3, general-x4v3)
  msrresnet,  ///< BasicSR's SRResNet without batch normalisation
  srresnet    ///< SRResNet of the SRGAN paper (Ledig et al. 2017, arXiv:1609.04802)
};

const char* name_of(Family family);

/// How RRDBNet doubles its grid.
enum class Upsampler {
  nearest,        ///< nearest neighbours, then a 3x3 convolution: the published one
  pixel_shuffle,  ///< a 3x3 convolution to four times the channels, then PixelShuffle
  transposed      ///< a transposed 4x4 convolution of stride 2
};

/// Channel counts are those of the first layers; a pruned network may differ from layer to layer, and the
/// graph takes each layer's own counts from its weights.
struct Architecture {
  Family family = Family::rrdbnet;
  int in_channels = 3;   ///< of the image, before any pixel-unshuffle
  int out_channels = 3;  ///< of the image
  int features = 64;
  int blocks = 0;        ///< RRDBs, residual blocks, or inner convolutions of the compact network
  int growth = 0;        ///< RRDBNet only
  int scale = 4;         ///< output pixels per input pixel, along each side
  int unshuffle = 1;     ///< the input is folded by this factor first (Real-ESRGAN x2plus: 2, x1: 4)
  int upsamplings = 0;   ///< upsampling steps before the last convolutions
  bool conv1x1 = false;  ///< ESRGAN+
  bool learned_residual_scale = false;       ///< RRDBNet only
  Upsampler upsampler = Upsampler::nearest;  ///< RRDBNet only
  float compact_slope = 0;                   ///< compact network without PReLU: 0 is ReLU, 0.1 LeakyReLU

  /// Whether it can enlarge pictures here: gray to gray or RGB to RGB.
  bool takes_pictures() const {
    return in_channels == out_channels && (in_channels == 1 || in_channels == 3);
  }
  /// "4 in and 3 out".
  std::string channels_text() const;

  /// One line: "RRDBNet x4, 23 blocks, 64 features, growth 32".
  std::string summary() const;
};

/// A network whose tensors carry the canonical names of docs/weights.md.
struct Model {
  Architecture architecture;
  StateDict weights;
  std::vector<std::string> reasons;  ///< why the architecture was taken for what it is
};

/// Finds the architecture, renames the tensors. Throws Error naming file and tensor when the weights
/// belong to no known network. That every layer fits its neighbours is checked by build_graph().
Model detect_model(StateDict weights);

/// Learnable parameters, without running statistics.
size_t parameter_count(const StateDict& weights);

/// (1 - alpha) * a + alpha * b for every tensor (ESRGAN, section 3.4). Throws Error when names or shapes
/// differ.
Model interpolate(const Model& a, const Model& b, float alpha);

}  // namespace esrgan
