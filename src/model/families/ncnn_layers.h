// Names for the tensors of ncnn's files, which have none: found by the order of the layers. A layer that the
// family does not have, or with another activation or residual scale, is refused by name rather than misread.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "model/naming.h"

namespace esrgan {

/// How many layers of a type there are.
class LayerCounts {
 public:
  explicit LayerCounts(const std::vector<OrderedLayer>& layers)
      : last(layers.empty() ? "" : layers.back().type), layers_(layers) {}
  int of(std::string_view type) const;

  std::string last;  ///< type of the last layer

 private:
  const std::vector<OrderedLayer>& layers_;
};

/// What the layers of a family may say.
struct NcnnChecks {
  std::vector<float> fused_slopes;  ///< of LeakyReLU within a convolution; 0: none
  std::vector<float> slopes;        ///< of ReLU layers
};

/// Throws Error naming the first layer that the family cannot have.
void check_ncnn_layers(const StateDict& weights, const NcnnChecks& checks,
                       std::initializer_list<std::string_view> types);

/// next_name(): the canonical name of the next layer that has weights.
Renamer ncnn_renamer(const StateDict& weights, const std::function<std::string()>& next_name);

}  // namespace esrgan
