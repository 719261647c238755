// A network with its weights.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "model/architecture.h"
#include "weights/state_dict.h"

namespace esrgan {

/// A network whose tensors carry the canonical names of docs/weights.md.
struct Model {
  Architecture architecture;
  StateDict weights;
  std::vector<std::string> reasons;  ///< why the architecture was taken for what it is
};

/// Reads the network that enlarges from a weight file of any format. Throws Error.
Model read_model(const std::filesystem::path& path);

/// Finds the architecture, renames the tensors. Throws Error naming file and tensor when the weights
/// belong to no known network, or to one that is known but cannot be run. That every layer fits its
/// neighbours is checked by build_graph().
Model detect_model(StateDict weights);

/// Builds the graph of a model. Throws Error naming file and tensor when layers do not fit or a tensor is
/// left over.
Graph build_graph(const Model& model);

/// The same in two parts, of a network that sees several frames (families/time_head.h).
struct TimeParts {
  Graph frame;  ///< from three frames, one behind the other, to a map
  Graph trunk;  ///< from three such maps to the picture
};
TimeParts build_time_parts(const Model& model);

/// Learnable parameters, without running statistics.
size_t parameter_count(const StateDict& weights);

/// (1 - alpha) * a + alpha * b for every tensor (ESRGAN, section 3.4). Throws Error when names or shapes
/// differ.
Model interpolate(const Model& a, const Model& b, float alpha);

}  // namespace esrgan
