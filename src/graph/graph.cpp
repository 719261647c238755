#include "graph/graph.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/overloaded.h"

namespace esrgan {

std::vector<MapId> inputs_of(const Operation& operation) {
  return std::visit(Overloaded{[](const Convolution& op) {
                                 std::vector<MapId> maps = op.inputs;
                                 for (const Residual& residual : op.residuals) maps.push_back(residual.map);
                                 return maps;
                               },
                               [](const PixelShuffle& op) { return std::vector{op.in}; },
                               [](const AddUpsampled& op) {
                                 return std::vector{op.in, op.base};
                               },
                               [](const Silu& op) { return std::vector{op.in}; },
                               [](const SymmetricGate& op) {
                                 return std::vector{op.in, op.residual};
                               }},
                    operation);
}

MapId output_of(const Operation& operation) {
  return std::visit([](const auto& op) { return op.out; }, operation);
}

int radius_of(const Operation& operation) {
  return std::visit(
      Overloaded{[](const Convolution& op) { return op.kernel / 2; }, [](const PixelShuffle&) { return 0; },
                 [](const AddUpsampled& op) { return op.mode == Upsampling::bilinear ? op.factor : 0; },
                 [](const Silu&) { return 0; }, [](const SymmetricGate&) { return 0; }},
      operation);
}

double macs_per_cell(const Operation& operation, const Graph& graph) {
  return std::visit(
      Overloaded{[&](const Convolution& op) {
                   const double density = graph.map(op.out).density;
                   return static_cast<double>(op.in_channels) * op.out_channels * op.kernel * op.kernel *
                          density * density;
                 },
                 [](const PixelShuffle&) { return 0.0; }, [](const AddUpsampled&) { return 0.0; },
                 [](const Silu&) { return 0.0; }, [](const SymmetricGate&) { return 0.0; }},
      operation);
}

std::string name_of(const Operation& operation) {
  return std::visit(Overloaded{[](const Convolution& op) { return "convolution '" + op.name + "'"; },
                               [](const PixelShuffle& op) {
                                 return std::string(op.inverse ? "pixel-unshuffle" : "pixel-shuffle");
                               },
                               [](const AddUpsampled& op) {
                                 return std::string(op.mode == Upsampling::nearest
                                                        ? "addition of the nearest enlargement"
                                                        : "addition of the bilinear enlargement");
                               },
                               [](const Silu&) { return std::string("SiLU"); },
                               [](const SymmetricGate&) { return std::string("symmetric gate"); }},
                    operation);
}

namespace {

/// Whether the place of a pixel in the picture itself enters its value.
bool depends_on_place(const Operation& operation) {
  return std::visit(
      Overloaded{[](const Convolution&) { return false; }, [](const PixelShuffle&) { return false; },
                 [](const AddUpsampled& op) { return op.mode == Upsampling::bilinear; },
                 [](const Silu&) { return false; }, [](const SymmetricGate&) { return false; }},
      operation);
}

}  // namespace

double Graph::macs_per_pixel() const {
  double macs = 0;
  for (const Operation& operation : operations) macs += macs_per_cell(operation, *this);
  return macs / (input_density() * input_density());
}

namespace {

/// The farthest dependence of the output on the input, in pixels of the input, when an operation adds
/// `step(operation)` pixels of its own output.
template <typename Step>
int farthest(const Graph& graph, const Step& step) {
  std::vector<double> radius(graph.maps.size(), 0);  // of each map, in cells of the grid
  for (const Operation& operation : graph.operations) {
    double reach = 0;
    for (const MapId in : inputs_of(operation)) reach = std::max(reach, radius[static_cast<size_t>(in)]);
    const MapId out = output_of(operation);
    radius[static_cast<size_t>(out)] = reach + static_cast<double>(step(operation)) / graph.map(out).density;
  }
  return static_cast<int>(std::ceil(radius[static_cast<size_t>(graph.output)] * graph.input_density()));
}

}  // namespace

Graph graph_of(Convolution convolution) {
  Graph graph;
  graph.maps = {{convolution.in_channels, 1}, {convolution.out_channels, convolution.upsample}};
  graph.output = 1;
  graph.stages = {0};
  convolution.inputs = {graph.input};
  convolution.out = graph.output;
  graph.operations.emplace_back(std::move(convolution));
  return graph;
}

int Graph::receptive_radius() const {
  return farthest(*this, radius_of);
}

std::optional<int> Graph::computational_reach(int tile) const {
  if (std::any_of(operations.begin(), operations.end(), depends_on_place)) return {};
  return farthest(*this, [tile](const Operation& operation) {
    const int radius = radius_of(operation);
    return radius > 0 ? radius + tile : 0;
  });
}

}  // namespace esrgan
