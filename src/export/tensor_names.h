// What tensors are called in files for other programs.
#pragma once

#include <algorithm>
#include <string>

#include "graph/graph.h"
#include "weights/state_dict.h"

namespace esrgan {

/// The name of a convolution of the graph: its own when the weights know it, or else one that marks it as
/// made up.
inline std::string file_name_of(const std::string& convolution, const StateDict& weights) {
  return weights.has_layer(convolution) ? convolution : made_up_name + convolution;
}

/// Whether the file has the convolution without a bias, and nothing was folded into it since.
inline bool lacks_bias(const Convolution& convolution, const StateDict& weights) {
  return weights.contains(convolution.name + ".weight") && !weights.contains(convolution.name + ".bias") &&
         std::all_of(convolution.bias.begin(), convolution.bias.end(),
                     [](float value) { return value == 0; });
}

}  // namespace esrgan
