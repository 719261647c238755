// What detection looks at, and how it says why.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "weights/layer_shapes.h"

namespace esrgan {

/// Tensors with canonical names, and the reasons found in them.
class Evidence : public LayerShapes {
 public:
  using LayerShapes::LayerShapes;

  void because(std::string reason) { reasons_.push_back(std::move(reason)); }
  std::vector<std::string> take_reasons() { return std::move(reasons_); }

 private:
  std::vector<std::string> reasons_;
};

}  // namespace esrgan
