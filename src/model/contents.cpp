#include "model/contents.h"

namespace esrgan {

Contents::Contents(const StateDict& weights) : layers_(&weights.layers) {
  for (const auto& [name, tensor] : weights.tensors) names_.insert(name);
}

const std::vector<OrderedLayer>& Contents::layers() const {
  static const std::vector<OrderedLayer> none;
  return layers_ != nullptr ? *layers_ : none;
}

}  // namespace esrgan
