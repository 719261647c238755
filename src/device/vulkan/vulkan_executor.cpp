#include "device/vulkan/vulkan_executor.h"

#include <esrgan/error.h>

#include <algorithm>
#include <array>
#include <bit>
#include <climits>
#include <cstring>
#include <utility>

#include "base/half.h"
#include "base/memory.h"
#include "base/overloaded.h"

namespace esrgan::vulkan {
namespace {

/// As in epilogue.glsl.
struct ConvolutionPush {
  int32_t width, height, kernel, before, steps, first_input, first_weight, slice_weights, outs,
      first_constant, has_slope;
  float scale;
  int32_t residuals, first_residual;
  float residual_scale;
  int32_t gate_map, phases, spread, base_map, out_map;
};
static_assert(sizeof(ConvolutionPush) <= push_bytes);

/// As in pointwise.comp.
struct PointwisePush {
  int32_t width, height, channels, in_map, other_map, out_map, factor, in_width, in_height;
};

uint32_t groups(int count, int of) {
  return static_cast<uint32_t>((count + of - 1) / of);
}

constexpr int pointwise_group = 64;

/// Multiply-accumulates of a submission: so that a wish to stop is heard, and no system takes the GPU for
/// hung.
double most_macs(const Properties& properties) {
  return properties.software ? 2e9 : 1e11;
}

}  // namespace

Cut cut_for(const Properties& properties, bool half) {
  Cut cut;
  cut.lanes = properties.lanes;
  cut.waves = std::clamp(128 / properties.lanes, 1, 4);
  cut.packed = half ? 4 : 2;
  if (!properties.software) return cut;
  // A processor has no threads to hide anything behind, and wants as much work as it can get out of each
  // number that it loads.
  cut.waves = cut.depth = 1;
  cut.rows = cut.pass = 16;
  cut.outs = 32;
  return cut;
}

uint64_t most_memory(const Properties& properties) {
  return std::min({properties.memory, properties.largest_buffer, properties.largest_allocation});
}

/// All that belongs to one size of input.
struct VulkanExecutor::Recording {
  int width, height;
  std::vector<int32_t> table;    // what `tables` holds
  std::vector<int32_t> entries;  // of each map in it
  Buffer maps, tables, in, out;
  std::optional<Bindings> convolutions, uploads, downloads;
  std::vector<std::unique_ptr<Commands>> commands;
  std::vector<double> macs;  // of each of them
  int cells_x, cells_y;

  std::pair<int, int> size_of(int density) const { return {cells_x * density, cells_y * density}; }
};

VulkanExecutor::VulkanExecutor(Graph graph, bool half, std::shared_ptr<Context> context)
    : Executor(graph),
      context_(std::move(context)),
      graph_(std::move(graph)),
      half_(half),
      cut_(cut_for(context_->properties(), half)),
      plan_(graph_, cut_) {
  const std::vector<float>& weights = plan_.weights();
  if (half_) {
    std::vector<uint16_t> halves(weights.size());
    std::transform(weights.begin(), weights.end(), halves.begin(), half_from_float);
    weights_ = on_device(halves.data(), halves.size() * sizeof(uint16_t));
  } else {
    weights_ = on_device(weights.data(), weights.size() * sizeof(float));
  }
  constants_ = on_device(plan_.constants().data(), plan_.constants().size() * sizeof(float));
  plan_.forget_weights();
  for (Operation& operation : graph_.operations)
    if (auto* convolution = std::get_if<Convolution>(&operation)) convolution->weights = {};
}

VulkanExecutor::~VulkanExecutor() = default;

Buffer VulkanExecutor::on_device(const void* data, uint64_t bytes) {
  Buffer buffer(*context_, bytes, false);
  const Buffer staged(*context_, bytes, true);
  std::memcpy(staged.data<std::byte>(), data, bytes);
  Commands commands(*context_);
  commands.copy(staged, buffer);
  commands.end();
  commands.submit();
  commands.wait();
  return buffer;
}

MemoryNeed VulkanExecutor::memory_for(int width, int height) const {
  const int density = graph_.input_density();
  const uint64_t numbers = plan_.layout(width / density, height / density).numbers,
                 maps = numbers * number_bytes();
  const auto pixels = static_cast<uint64_t>(width) * static_cast<uint64_t>(height);
  const auto scale = static_cast<uint64_t>(this->scale());
  const uint64_t staged =
      pixels *
      (static_cast<uint64_t>(in_channels()) + scale * scale * static_cast<uint64_t>(out_channels())) *
      sizeof(float);
  // What the shaders count in must hold the place of every number.
  const uint64_t on_device = numbers > INT_MAX ? UINT64_MAX : maps;
  return {staged + (context_->properties().shares_host ? maps : 0), on_device};
}

std::unique_ptr<VulkanExecutor::Recording> VulkanExecutor::record(int width, int height) {
  const int density = graph_.input_density();
  auto recording = std::make_unique<Recording>();
  Recording& r = *recording;
  r.width = width;
  r.height = height;
  r.cells_x = width / density;
  r.cells_y = height / density;
  const Layout layout = plan_.layout(r.cells_x, r.cells_y);
  if (memory_for(width, height).device > most_memory(context_->properties()))
    throw Error(ErrorKind::out_of_resources, "", "the GPU's buffers do not hold a tile of this size",
                "at most " + format_memory_size(most_memory(context_->properties())),
                format_memory_size(layout.numbers * number_bytes()));
  for (const MapPlace& map : layout.maps) {
    r.entries.push_back(static_cast<int32_t>(r.table.size()));
    r.table.insert(r.table.end(),
                   {static_cast<int32_t>(map.at), static_cast<int32_t>(map.row), map.pixel, 0});
  }
  const auto pixels = static_cast<uint64_t>(width) * static_cast<uint64_t>(height),
             scale = static_cast<uint64_t>(this->scale());
  r.maps = Buffer(*context_, layout.numbers * number_bytes(), false);
  r.in = Buffer(*context_, pixels * static_cast<uint64_t>(in_channels()) * sizeof(float), true);
  r.out = Buffer(*context_, pixels * scale * scale * static_cast<uint64_t>(out_channels()) * sizeof(float),
                 true, true);
  // The table is complete when all steps are recorded.
  uint64_t entries = r.table.size();
  for (const Operation& operation : graph_.operations) entries += 4 * inputs_of(operation).size();
  r.tables = Buffer(*context_, entries * sizeof(int32_t), true);
  r.convolutions.emplace(
      *context_, std::array<const Buffer*, buffers_of_shader>{&r.maps, &weights_, &r.tables, &constants_});
  r.uploads.emplace(*context_,
                    std::array<const Buffer*, buffers_of_shader>{&r.maps, &r.in, &r.tables, &constants_});
  r.downloads.emplace(*context_,
                      std::array<const Buffer*, buffers_of_shader>{&r.maps, &r.out, &r.tables, &constants_});

  Commands clear(*context_);
  clear.clear(r.maps);
  clear.end();
  clear.submit();
  clear.wait();

  const double cells = static_cast<double>(r.cells_x) * r.cells_y;
  r.commands.push_back(std::make_unique<Commands>(*context_));
  r.macs.push_back(0);
  record_pointwise(r, PointwiseKind::upload, *r.uploads, {.out = graph_.input});
  for (const Step& step : plan_.steps()) {
    if (r.macs.back() > most_macs(context_->properties())) {
      r.commands.back()->end();
      r.commands.push_back(std::make_unique<Commands>(*context_));
      r.macs.push_back(0);
    }
    record_step(r, step);
    r.macs.back() += plan_.macs(step) * cells;
  }
  record_pointwise(r, PointwiseKind::download, *r.downloads, {.in = graph_.output, .out = graph_.output});
  r.commands.back()->end();
  std::copy(r.table.begin(), r.table.end(), r.tables.data<int32_t>());
  return recording;
}

void VulkanExecutor::record_step(Recording& r, const Step& step) {
  const auto pointwise = [&](PointwiseKind kind, const Maps& maps, int factor = 1) {
    record_pointwise(r, kind, *r.convolutions, maps, factor);
  };
  const auto other = [&](const Operation& operation) {
    std::visit(
        Overloaded{[](const Convolution&) {},
                   [&](const PixelShuffle& op) {
                     pointwise(op.inverse ? PointwiseKind::unshuffle : PointwiseKind::shuffle,
                               {.in = op.in, .out = op.out}, op.factor);
                   },
                   [&](const AddUpsampled& op) {
                     pointwise(op.mode == Upsampling::nearest ? PointwiseKind::add_nearest
                                                              : PointwiseKind::add_bilinear,
                               {.in = op.in, .other = op.base, .out = op.out}, op.factor);
                   },
                   [&](const Silu& op) { pointwise(PointwiseKind::silu, {.in = op.in, .out = op.out}); },
                   [&](const SymmetricGate& op) {
                     pointwise(PointwiseKind::gate, {.in = op.in, .other = op.residual, .out = op.out});
                   }},
        operation);
  };
  std::visit(Overloaded{[&](const ConvolutionStep& s) { record_convolution(r, s); },
                        [&](const PointwiseStep& s) { other(graph_.operations[s.operation]); }},
             step);
}

void VulkanExecutor::record_convolution(Recording& r, const ConvolutionStep& step) {
  const auto& op = std::get<Convolution>(graph_.operations[step.operation]);
  const auto entry = [&](MapId map) { return map < 0 ? -1 : r.entries[static_cast<size_t>(map)]; };
  /// A row of the table for a map: its place, and `last`.
  const auto add_row = [&](MapId map, int32_t last) {
    const auto first = static_cast<size_t>(entry(map));
    const std::array row{r.table[first], r.table[first + 1], r.table[first + 2], last};
    r.table.insert(r.table.end(), row.begin(), row.end());
  };
  const auto [width, height] = r.size_of(graph_.map(op.inputs[0]).density);
  const auto row = [&] { return static_cast<int32_t>(r.table.size()); };

  ConvolutionPush push{};
  push.width = width;
  push.height = height;
  push.kernel = step.kernel;
  push.before = step.before;
  push.steps = step.steps;
  push.first_input = row();
  for (const MapId in : op.inputs) add_row(in, graph_.map(in).channels);
  push.first_weight = static_cast<int32_t>(step.first_weight);
  push.slice_weights = static_cast<int32_t>(step.slice_weights);
  push.outs = op.out_channels;
  push.first_constant = static_cast<int32_t>(step.first_constant);
  push.has_slope = step.has_slope ? 1 : 0;
  push.scale = op.scale;
  push.residuals = static_cast<int32_t>(op.residuals.size());
  push.first_residual = row();
  for (const Residual& residual : op.residuals) add_row(residual.map, std::bit_cast<int32_t>(residual.scale));
  push.residual_scale = op.residuals.empty() ? 0 : op.residuals[0].scale;
  push.gate_map = entry(step.gate);
  push.phases = op.upsample * op.upsample;
  push.spread = step.spread;
  push.base_map = entry(step.base);
  push.out_map = entry(step.out);

  r.commands.back()->dispatch(context_->properties().software && context_->properties().wide
                                  ? (half_ ? Shader::convolution_wide_half : Shader::convolution_wide)
                                  : (half_ ? Shader::convolution_half : Shader::convolution),
                              {cut_.lanes, cut_.waves, cut_.rows, step.outs, cut_.depth, step.taps, cut_.pass,
                               cut_.lanes * cut_.waves, static_cast<int32_t>(step.after)},
                              *r.convolutions, &push, sizeof push,
                              {groups(width, cut_.lanes), groups(height, cut_.rows * cut_.waves),
                               static_cast<uint32_t>(step.slices * push.phases)});
}

void VulkanExecutor::record_pointwise(Recording& r, PointwiseKind kind, const Bindings& bindings,
                                      const Maps& maps, int factor) {
  const auto entry = [&](MapId map) { return map < 0 ? -1 : r.entries[static_cast<size_t>(map)]; };
  const MapSpec& spec = graph_.map(maps.out);
  const auto [width, height] = r.size_of(spec.density);
  const auto [in_width, in_height] = r.size_of(maps.other < 0 ? 1 : graph_.map(maps.other).density);
  const PointwisePush push{width,           height, spec.channels, entry(maps.in), entry(maps.other),
                           entry(maps.out), factor, in_width,      in_height};
  r.commands.back()->dispatch(
      half_ ? Shader::pointwise_half : Shader::pointwise, {static_cast<int32_t>(kind)}, bindings, &push,
      sizeof push, {groups(width * spec.channels, pointwise_group), static_cast<uint32_t>(height), 1});
}

void VulkanExecutor::run_checked(const float* in, int width, int height, float* out,
                                 const RunControl& control) {
  if (!recording_ || recording_->width != width || recording_->height != height) {
    recording_.reset();  // free before allocating: the two need not fit at once
    recording_ = record(width, height);
  }
  Recording& r = *recording_;
  std::memcpy(r.in.data<float>(), in, r.in.bytes());
  const size_t count = r.commands.size();
  const auto finish = [&](size_t i) {
    r.commands[i]->wait();
    if (control.done) control.done(r.macs[i]);
  };
  // While one is computed the next is there already.
  for (size_t i = 0; i < count; ++i) {
    if (control.stop.stop_requested()) {
      if (i > 0) finish(i - 1);
      throw Cancelled();
    }
    r.commands[i]->submit();
    if (i > 0) finish(i - 1);
  }
  finish(count - 1);
  std::memcpy(out, r.out.data<float>(), r.out.bytes());
}

}  // namespace esrgan::vulkan
