// Any network that a weight file holds, as a module that can learn.
#pragma once

#include <map>
#include <string>

#include "model/model.h"
#include "train/networks/layers.h"

namespace esrgan::train {

/// The model's graph, operation by operation: networks of all families and namings, pruned ones too, with the
/// channel counts that their layers have. Its parameters carry the canonical names; what building the graph
/// folded (normalisation, the layers of SPAN, residual scales) stays folded, so that all of it can be used as
/// a weight file again. The module holds the file's weights.
class GraphNetwork : public Network {
 public:
  /// Throws Error when the layers do not fit.
  explicit GraphNetwork(const Model& model);

 protected:
  torch::Tensor run(torch::Tensor x, Features* features) override;
  /// What a convolution takes, before it does: for those who look at it, or change it.
  virtual torch::Tensor taken(const Convolution& /*conv*/, torch::Tensor x) { return x; }
  /// What it makes, before any activation; asked for where looks_at_results() says so.
  virtual torch::Tensor made(const Convolution& /*conv*/, torch::Tensor x) { return x; }
  virtual bool looks_at_results() const { return false; }
  /// Likewise its weights.
  virtual torch::Tensor weights_of(const Convolution& /*conv*/, torch::Tensor weights) { return weights; }

 private:
  struct Parts {
    torch::Tensor weight, bias, slopes;  // slopes: undefined where they are one number that is not learned
  };
  using Maps = std::map<MapId, torch::Tensor>;

  void add_layer(const Convolution& conv, const StateDict& weights);
  torch::Tensor result_of(const Convolution& conv, const Maps& maps, Features* features);
  static torch::Tensor result_of(const PixelShuffle& shuffle, const Maps& maps, Features* features);
  static torch::Tensor result_of(const AddUpsampled& sum, const Maps& maps, Features* features);
  static torch::Tensor result_of(const Silu& silu, const Maps& maps, Features* features);
  static torch::Tensor result_of(const SymmetricGate& gate, const Maps& maps, Features* features);

  Graph graph_;
  std::map<MapId, Parts> layers_;  // by the map that the convolution makes
};

}  // namespace esrgan::train
