#include "device/vulkan/plan.h"

#include <algorithm>
#include <optional>

#include "base/overloaded.h"

namespace esrgan::vulkan {
namespace {

// Numbers; devices want the places where windows begin to be multiples of up to 256 bytes.
constexpr uint64_t alignment = 128;

int rounded_up(int value, int multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// Operations that read each map; the network's output is read once more.
std::vector<std::vector<size_t>> readers_of_maps(const Graph& graph) {
  std::vector<std::vector<size_t>> readers(graph.maps.size());
  for (size_t i = 0; i < graph.operations.size(); ++i)
    for (const MapId map : inputs_of(graph.operations[i])) readers[static_cast<size_t>(map)].push_back(i);
  readers[static_cast<size_t>(graph.output)].push_back(graph.operations.size());
  return readers;
}

/// Whether an operation before `index` writes a map, or none does.
bool is_there_before(const Graph& graph, MapId map, size_t index) {
  for (size_t i = index; i < graph.operations.size(); ++i)
    if (esrgan::output_of(graph.operations[i]) == map) return false;
  return true;
}

/// Tap `to` of the two that a phase of an enlarged input's 3 taps comes to.
bool falls_on(int tap, int phase, int to) {
  return (tap + phase + 1) / 2 - phase == to;
}

/// A weight of a 3x3 kernel or of a phase of one.
float weight_of(const Convolution& op, int out, int in, int row, int column, int phase) {
  const auto at = [&](int y, int x) {
    return op.weights[static_cast<size_t>(((out * op.in_channels + in) * op.kernel + y) * op.kernel + x)];
  };
  if (op.upsample == 1) return at(row, column);
  float sum = 0;
  for (int y = 0; y < op.kernel; ++y)
    for (int x = 0; x < op.kernel; ++x)
      if (falls_on(y, phase / 2, row) && falls_on(x, phase % 2, column)) sum += at(y, x);
  return sum;
}

/// The weights of a block as matrices of channels by outputs, one after the other.
template <typename Add>
void add_matrices(const ConvolutionStep& step, const Add& add) {
  for (int t = 0; t < step.taps; ++t)
    for (int o = 0; o < step.outs; o += 16)
      for (int k = 0; k < 16; ++k)
        for (int n = 0; n < 16; ++n) add(k, t, o + n);
}

}  // namespace

MapId output_of(const Step& step, const Graph& graph) {
  return std::visit(
      Overloaded{[](const ConvolutionStep& s) { return s.out; },
                 [&](const PointwiseStep& s) { return esrgan::output_of(graph.operations[s.operation]); }},
      step);
}

Plan::Plan(const Graph& graph, const Cut& cut) : graph_(graph), cut_(cut) {
  std::vector<bool> done(graph.operations.size());
  const Readers readers = readers_of_maps(graph);
  for (size_t i = 0; i < graph.operations.size(); ++i) {
    if (done[i]) continue;
    if (const auto* op = std::get_if<Convolution>(&graph.operations[i])) {
      ConvolutionStep step = convolution_step(*op, i);
      fuse(step, readers, done);
      steps_.emplace_back(step);
    } else {
      steps_.emplace_back(PointwiseStep{i});
    }
  }
  assign_slots();
}

ConvolutionStep Plan::convolution_step(const Convolution& op, size_t index) {
  ConvolutionStep step;
  step.operation = index;
  step.kernel = op.upsample == 2 ? 2 : op.kernel;
  step.before = op.upsample == 2 ? 1 : op.kernel / 2;
  step.taps = step.kernel % 3 == 0 ? 3 : step.kernel == 2 ? 2 : 1;
  step.outs = cut_.matrix                        ? cut_.outs
              : op.out_channels <= 8             ? 8
              : op.out_channels % cut_.outs == 0 ? cut_.outs
                                                 : 16;
  step.slices = (op.out_channels + step.outs - 1) / step.outs;
  step.has_slope = !op.slope.empty();
  step.out = op.out;
  step.first_constant = static_cast<uint32_t>(constants_.size());
  constants_.insert(constants_.end(), op.bias.begin(), op.bias.end());
  constants_.insert(constants_.end(), op.slope.begin(), op.slope.end());
  pack(op, step);
  return step;
}

/// Takes in what alone reads the convolution's result.
void Plan::fuse(ConvolutionStep& step, const Readers& readers, std::vector<bool>& done) const {
  const auto next = [&]() -> std::optional<size_t> {  // the operation that alone reads the result
    const std::vector<size_t>& all = readers[static_cast<size_t>(step.out)];
    if (all.size() != 1 || all[0] == graph_.operations.size()) return std::nullopt;
    return all[0];
  };
  const auto take = [&](size_t index) {
    step.out = esrgan::output_of(graph_.operations[index]);
    done[index] = true;
  };
  if (const auto index = next()) {
    const Operation& operation = graph_.operations[*index];
    if (std::holds_alternative<Silu>(operation)) {
      step.after = After::silu;
      take(*index);
    } else if (const auto* gate = std::get_if<SymmetricGate>(&operation);
               gate != nullptr && gate->in == step.out &&
               is_there_before(graph_, gate->residual, step.operation)) {
      step.after = After::gate;
      step.gate = gate->residual;
      take(*index);
    }
  }
  if (std::get<Convolution>(graph_.operations[step.operation]).upsample != 1) return;
  if (const auto index = next()) {
    const auto* shuffle = std::get_if<PixelShuffle>(&graph_.operations[*index]);
    if (shuffle == nullptr || shuffle->inverse) return;
    step.spread = shuffle->factor;
    take(*index);
  }
  if (const auto index = next()) {
    const auto* add = std::get_if<AddUpsampled>(&graph_.operations[*index]);
    if (add == nullptr || add->in != step.out || add->mode != Upsampling::nearest ||
        add->factor != step.spread || !is_there_before(graph_, add->base, step.operation))
      return;
    step.base = add->base;
    take(*index);
  }
}

void Plan::pack(const Convolution& op, ConvolutionStep& step) {
  const int phases = op.upsample == 2 ? 4 : 1, numbers = cut_.depth * step.taps * step.outs;
  const auto packed = static_cast<uint32_t>(cut_.packed);
  const int block = cut_.matrix ? numbers : rounded_up(numbers, cut_.lanes * cut_.packed);
  step.first_weight = static_cast<uint32_t>(weights_.size()) / packed;
  for (int phase = 0; phase < phases; ++phase)
    for (int slice = 0; slice < step.slices; ++slice) {
      int first = 0;  // channel of the concatenation
      for (const MapId map : op.inputs) {
        const int channels = graph_.map(map).channels;
        for (int c = 0; c < channels; c += cut_.depth)
          for (int ky = 0; ky < step.kernel; ky += step.taps)
            for (int kx = 0; kx < step.kernel; ++kx) {
              const auto add = [&](int d, int t, int o) {
                const int out = slice * step.outs + o;
                const bool exists = out < op.out_channels && c + d < channels;
                weights_.push_back(exists ? weight_of(op, out, first + c + d, ky + t, kx, phase) : 0);
              };
              if (cut_.matrix)
                add_matrices(step, add);
              else
                for (int d = 0; d < cut_.depth; ++d)
                  for (int t = 0; t < step.taps; ++t)
                    for (int o = 0; o < step.outs; ++o) add(d, t, o);
              weights_.insert(weights_.end(), static_cast<size_t>(block - numbers), 0.0F);
            }
        first += channels;
      }
      if (phase > 0 || slice > 0) continue;
      step.slice_weights = static_cast<uint32_t>(weights_.size()) / packed - step.first_weight;
      step.steps = static_cast<int>(step.slice_weights * packed) / block;
    }
}

std::vector<MapId> Plan::maps_read(const Step& step) const {
  return std::visit(
      Overloaded{[&](const ConvolutionStep& s) {
                   std::vector<MapId> maps = inputs_of(graph_.operations[s.operation]);
                   for (const MapId more : {s.gate, s.base})
                     if (more >= 0) maps.push_back(more);
                   return maps;
                 },
                 [&](const PointwiseStep& s) { return inputs_of(graph_.operations[s.operation]); }},
      step);
}

/// Each map takes a place of its shape that is free from the step that writes it to the last that reads it.
void Plan::assign_slots() {
  const auto none = static_cast<size_t>(-1);
  std::vector<size_t> last(graph_.maps.size(), none);
  std::vector<int> border(graph_.maps.size(), 0);
  for (size_t i = 0; i < steps_.size(); ++i) {
    for (const MapId map : maps_read(steps_[i])) last[static_cast<size_t>(map)] = i;
    if (const auto* step = std::get_if<ConvolutionStep>(&steps_[i]))
      for (const MapId map : std::get<Convolution>(graph_.operations[step->operation]).inputs)
        border[static_cast<size_t>(map)] = std::max(border[static_cast<size_t>(map)], step->kernel / 2);
  }
  last[static_cast<size_t>(graph_.output)] = steps_.size();

  slots_.assign(graph_.maps.size(), {-1, -1});
  std::vector<std::vector<size_t>> free_from;  // of each class and slot: the step after the last reader
  const auto place = [&](MapId id, size_t step) {
    const auto m = static_cast<size_t>(id);
    const MapSpec& spec = graph_.maps[m];
    const int channels = rounded_up(spec.channels, cut_.depth);
    auto found = std::find_if(classes_.begin(), classes_.end(), [&](const SlotClass& c) {
      return c.channels == channels && c.density == spec.density;
    });
    if (found == classes_.end()) {
      classes_.push_back({channels, spec.density, 0, 0});
      free_from.emplace_back();
      found = classes_.end() - 1;
    }
    const auto number = static_cast<size_t>(found - classes_.begin());
    found->border = std::max(found->border, border[m]);
    std::vector<size_t>& slots = free_from[number];
    auto slot = std::find_if(slots.begin(), slots.end(), [&](size_t free) { return free <= step; });
    if (slot == slots.end()) slot = slots.insert(slots.end(), 0);
    *slot = (last[m] == none ? step : last[m]) + 1;
    found->slots = static_cast<int>(slots.size());
    slots_[m] = {static_cast<int>(number), static_cast<int>(slot - slots.begin())};
  };
  place(graph_.input, 0);
  for (size_t i = 0; i < steps_.size(); ++i) place(output_of(steps_[i], graph_), i);
}

Layout Plan::layout(int cells_x, int cells_y) const {
  Layout result;
  std::vector<uint64_t> first, size, row;
  for (const SlotClass& c : classes_) {
    // A subgroup reads beyond an edge, up to whole tiles of pixels.
    const auto width = static_cast<uint64_t>(rounded_up(cells_x * c.density, cut_.columns) + 2 * c.border),
               height = static_cast<uint64_t>(rounded_up(cells_y * c.density, cut_.rows * cut_.waves) +
                                              2 * c.border);
    const auto pixel = static_cast<uint64_t>(c.channels);
    row.push_back(width * pixel);
    size.push_back((height * width * pixel + alignment - 1) / alignment * alignment);
    first.push_back(result.numbers);
    result.numbers += size.back() * static_cast<uint64_t>(c.slots);
  }
  for (const auto& [number, slot] : slots_) {
    if (number < 0) {
      result.maps.emplace_back();
      continue;
    }
    const auto c = static_cast<size_t>(number);
    const uint64_t begin = first[c] + size[c] * static_cast<uint64_t>(slot);
    const int pixel = classes_[c].channels;
    const uint64_t border =
        static_cast<uint64_t>(classes_[c].border) * (row[c] + static_cast<uint64_t>(pixel));
    result.maps.push_back({begin, begin + size[c], begin + border, row[c], pixel});
  }
  return result;
}

uint64_t Windows::largest() const {
  return std::max({inputs.numbers(), others.numbers(), result.numbers()});
}

Windows Plan::windows(const Step& step, const Layout& layout) const {
  Windows windows;
  const auto place = [&](MapId map) -> const MapPlace& { return layout.maps[static_cast<size_t>(map)]; };
  std::visit(Overloaded{[&](const ConvolutionStep& s) {
                          const auto& op = std::get<Convolution>(graph_.operations[s.operation]);
                          for (const MapId map : op.inputs) windows.inputs.cover(place(map));
                          for (const Residual& residual : op.residuals)
                            windows.others.cover(place(residual.map));
                          for (const MapId map : {s.gate, s.base})
                            if (map >= 0) windows.others.cover(place(map));
                        },
                        [&](const PointwiseStep& s) {
                          const std::vector<MapId> maps = inputs_of(graph_.operations[s.operation]);
                          windows.inputs.cover(place(maps.front()));
                          if (maps.size() > 1) windows.others.cover(place(maps[1]));
                        }},
             step);
  windows.result.cover(place(output_of(step, graph_)));
  return windows;
}

double Plan::macs(const Step& step) const {
  return std::visit([&](const auto& s) { return macs_per_cell(graph_.operations[s.operation], graph_); },
                    step);
}

double Plan::traffic(const Step& step, int number) const {
  std::vector<MapId> maps = maps_read(step);
  std::sort(maps.begin(), maps.end());
  maps.erase(std::unique(maps.begin(), maps.end()), maps.end());
  maps.push_back(output_of(step, graph_));
  double numbers = 0;
  for (const MapId map : maps) {
    const MapSpec& spec = graph_.map(map);
    numbers += spec.channels * spec.density * spec.density;
  }
  return numbers * number;
}

}  // namespace esrgan::vulkan
