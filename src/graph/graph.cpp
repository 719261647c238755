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

std::vector<Slice> inputs_of(const Operation& operation) {
  return std::visit(Overloaded{[](const Convolution& op) {
                                 std::vector<Slice> slices{op.in};
                                 for (const Residual& residual : op.residuals)
                                   slices.push_back(residual.slice);
                                 return slices;
                               },
                               [](const AddUpsampled& op) {
                                 return std::vector{op.base, op.out};
                               },
                               [](const auto& op) { return std::vector{op.in}; }},
                    operation);
}

Slice output_of(const Operation& operation) {
  return std::visit([](const auto& op) { return op.out; }, operation);
}

double macs_per_cell(const Operation& operation, const Graph& graph) {
  const auto* convolution = std::get_if<Convolution>(&operation);
  if (convolution == nullptr) return 0;
  const double density = graph.buffers[static_cast<size_t>(convolution->out.buffer)].density;
  return static_cast<double>(convolution->weights.size()) * density * density;
}

double Graph::macs_per_pixel() const {
  double macs = 0;
  for (const Operation& operation : operations) macs += macs_per_cell(operation, *this);
  return macs / (input_density() * input_density());
}

int Graph::receptive_radius() const {
  // The farthest dependence of each buffer on the input, in cells of the grid.
  std::vector<double> radius(buffers.size(), 0);
  for (const Operation& operation : operations) {
    double reach = 0;
    for (const Slice& slice : inputs_of(operation))
      reach = std::max(reach, radius[static_cast<size_t>(slice.buffer)]);
    const Slice out = output_of(operation);
    if (const auto* convolution = std::get_if<Convolution>(&operation))
      reach += std::floor(convolution->kernel / 2.0) / buffers[static_cast<size_t>(out.buffer)].density;
    if (std::holds_alternative<AddUpsampled>(operation)) reach = std::max(reach, 1.0);
    double& known = radius[static_cast<size_t>(out.buffer)];
    known = std::max(known, reach);
  }
  return static_cast<int>(std::ceil(radius[static_cast<size_t>(output.buffer)] * input_density()));
}

BufferExtent extent_of(const BufferSpec& spec, int cells_x, int cells_y) {
  const auto width = static_cast<size_t>(cells_x * spec.density + 2 * spec.border);
  const auto height = static_cast<size_t>(cells_y * spec.density + 2 * spec.border);
  return {width, height, width * height * static_cast<size_t>(spec.channels)};
}

MemoryPlan plan_memory(const Graph& graph, int cells_x, int cells_y) {
  struct Life {
    size_t first, last, size, buffer;
  };
  std::vector<Life> lives(graph.buffers.size());
  const size_t end = graph.operations.size();
  for (size_t b = 0; b < lives.size(); ++b) {
    // Rounded up so that every buffer starts on a cache line.
    const size_t floats = (extent_of(graph.buffers[b], cells_x, cells_y).floats + 15) / 16 * 16;
    lives[b] = {end, 0, floats, b};
  }
  const auto touch = [&](const Slice& slice, size_t when) {
    Life& life = lives[static_cast<size_t>(slice.buffer)];
    life.first = std::min(life.first, when);
    life.last = std::max(life.last, when);
  };
  touch(graph.input, 0);
  for (size_t i = 0; i < end; ++i) {
    for (const Slice& slice : inputs_of(graph.operations[i])) touch(slice, i);
    touch(output_of(graph.operations[i]), i);
  }
  touch(graph.output, end);

  // First fit, the largest first: each buffer goes to the lowest place that is free during its whole life.
  std::vector<Life> order = lives;
  std::stable_sort(order.begin(), order.end(), [](const Life& a, const Life& b) { return a.size > b.size; });
  MemoryPlan plan{std::vector<size_t>(lives.size(), 0), 0};
  std::vector<Life> placed;
  for (const Life& life : order) {
    std::vector<std::pair<size_t, size_t>> taken;
    for (const Life& other : placed)
      if (other.first <= life.last && life.first <= other.last)
        taken.emplace_back(plan.offsets[other.buffer], plan.offsets[other.buffer] + other.size);
    std::sort(taken.begin(), taken.end());
    size_t offset = 0;
    for (const auto& [begin, stop] : taken) {
      if (offset + life.size <= begin) break;
      offset = std::max(offset, stop);
    }
    plan.offsets[life.buffer] = offset;
    plan.total = std::max(plan.total, offset + life.size);
    placed.push_back(life);
  }
  return plan;
}

}  // namespace esrgan
