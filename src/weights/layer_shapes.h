// What the tensors of a weight file say of its layers.
#pragma once

#include <string>

#include "weights/state_dict.h"

namespace esrgan {

/// Extents of convolutions, each within limits.h. Throws Error naming file and tensor where a tensor is
/// missing or is no convolution's.
class LayerShapes {
 public:
  /// `weights` must outlive this.
  explicit LayerShapes(const StateDict& weights) : weights_(weights) {}

  const StateDict& weights() const { return weights_; }
  bool has(const std::string& tensor) const { return weights_.contains(tensor); }
  /// Of a tensor of four dimensions (or five, with time).
  int extent(const std::string& tensor, size_t dimension, size_t dimensions = 4) const;
  int out_channels(const std::string& layer) const { return extent(layer + ".weight", 0); }
  int in_channels(const std::string& layer) const { return extent(layer + ".weight", 1); }

  /// How many of prefix0suffix, prefix1suffix, ... there are, counted from `first`.
  int count(const std::string& prefix, const std::string& suffix, int first = 0) const;

  /// The factor of the pixel-shuffle that follows `layer` when what comes after it takes `taken` channels.
  int shuffle_factor(const std::string& layer, int taken) const;

 private:
  const StateDict& weights_;
};

/// Whether a pixel-shuffle can make `channels` of `deep`.
bool is_square(int deep, int channels);

}  // namespace esrgan
