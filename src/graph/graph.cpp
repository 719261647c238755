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

int Graph::receptive_radius() const {
  // The farthest dependence of each map on the input, in cells of the grid.
  std::vector<double> radius(maps.size(), 0);
  for (const Operation& operation : operations) {
    double reach = 0;
    for (const MapId in : inputs_of(operation)) reach = std::max(reach, radius[static_cast<size_t>(in)]);
    const MapId out = output_of(operation);
    radius[static_cast<size_t>(out)] = reach + static_cast<double>(radius_of(operation)) / map(out).density;
  }
  return static_cast<int>(std::ceil(radius[static_cast<size_t>(output)] * input_density()));
}

}  // namespace esrgan
