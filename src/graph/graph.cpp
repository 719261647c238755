#include "graph/graph.h"

#include <algorithm>
#include <cmath>

namespace esrgan {
namespace {

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <class... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

}  // namespace

std::vector<MapId> inputs_of(const Operation& operation) {
  return std::visit(Overloaded{[](const Convolution& op) {
                                 std::vector<MapId> maps = op.inputs;
                                 for (const Residual& residual : op.residuals) maps.push_back(residual.map);
                                 return maps;
                               },
                               [](const PixelShuffle& op) { return std::vector{op.in}; },
                               [](const AddUpsampled& op) {
                                 return std::vector{op.in, op.base};
                               }},
                    operation);
}

MapId output_of(const Operation& operation) {
  return std::visit([](const auto& op) { return op.out; }, operation);
}

int radius_of(const Operation& operation) {
  return std::visit(
      Overloaded{[](const Convolution& op) { return op.kernel / 2; }, [](const PixelShuffle&) { return 0; },
                 [](const AddUpsampled& op) { return op.mode == Upsampling::bilinear ? op.factor : 0; }},
      operation);
}

double macs_per_cell(const Operation& operation, const Graph& graph) {
  const auto* convolution = std::get_if<Convolution>(&operation);
  if (convolution == nullptr) return 0;
  const double density = graph.map(convolution->out).density;
  return static_cast<double>(convolution->in_channels) * convolution->out_channels * convolution->kernel *
         convolution->kernel * density * density;
}

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

int Graph::receptive_radius() const {
  return farthest(*this, radius_of);
}

std::optional<int> Graph::computational_reach(int tile) const {
  for (const Operation& operation : operations)
    if (const auto* sum = std::get_if<AddUpsampled>(&operation);
        sum != nullptr && sum->mode == Upsampling::bilinear)
      return {};
  return farthest(*this, [tile](const Operation& operation) {
    const int radius = radius_of(operation);
    return radius > 0 ? radius + tile : 0;
  });
}

}  // namespace esrgan
