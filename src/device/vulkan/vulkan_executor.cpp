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
#include "device/vulkan/packed_frame.h"

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

/// As in frames.comp.
struct FramePush {
  int32_t width, height, chroma_width, chroma_height, bits;
  std::array<int32_t, 3> planes;
  int32_t row_words, chroma_row_words;
  int32_t across, across_count, down, down_count;
  int32_t map;
};
static_assert(sizeof(FramePush) <= push_bytes);

uint32_t groups(int count, int of) {
  return static_cast<uint32_t>((count + of - 1) / of);
}

constexpr int pointwise_group = 64;

/// Multiply-accumulates of a submission: so that a wish to stop is heard, and no system takes the GPU for
/// hung.
double most_macs(const Properties& properties) {
  return properties.software ? 2e9 : 1e11;
}

/// One side of the network, of frames.
struct FrameSide {
  const FrameFormat& format;
  PackedFrame packed;
  FrameTables tables;
  Buffer on_device;  // what the tables hold

  explicit FrameSide(const FrameFormat& of) : format(of), packed(of), tables(of) {}
};

/// About a result, behind its planes; as in frames.comp.
constexpr size_t not_finite = 0, above_zero = 1, frame_remarks = 2;

}  // namespace

Cut cut_for(const Properties& properties, bool half, Matrices matrices) {
  Cut cut;
  cut.lanes = cut.columns = properties.lanes;
  cut.waves = std::clamp(128 / properties.lanes, 1, 4);
  cut.packed = half ? 4 : 2;
  if (matrices != Matrices::none) {  // as matrix.comp has them
    cut.matrix = true;
    cut.columns = cut.depth = 16;
    cut.outs = 32;
    cut.packed = 1;
    if (matrices == Matrices::plain) cut.waves = 1;  // whose sums lie in shared memory
    return cut;
  }
  if (!properties.software) return cut;
  // A processor has no threads to hide anything behind, and wants as much work as it can get out of each
  // number that it loads.
  cut.waves = cut.depth = 1;
  cut.rows = cut.pass = 16;
  cut.outs = 32;
  return cut;
}

uint64_t most_memory(const Properties& properties) {
  return std::min(properties.memory, properties.largest_allocation);
}

/// All that inputs of one size share.
struct VulkanExecutor::Size {
  int cells_x, cells_y;
  Layout layout;
  Buffer maps;

  std::pair<int, int> at(int density) const { return {cells_x * density, cells_y * density}; }
};

/// How frames of two formats are read and written.
struct VulkanExecutor::Frames {
  std::shared_ptr<const FrameFormats> formats;  // to which both sides refer
  FrameSide in, out;

  explicit Frames(const std::shared_ptr<const FrameFormats>& of) : formats(of), in(of->in), out(of->out) {}
};

/// Commands for one input, and where it and its result are.
struct VulkanExecutor::Recording {
  std::vector<int32_t> table;  // what `tables` holds
  Buffer tables, in, out;
  Buffer planes, remarks;  // of frames, on the device: what is in `in`, and what goes to the end of `out`
  std::optional<Bindings> bindings;
  std::vector<std::unique_ptr<Commands>> commands;
  std::vector<double> macs;  // of each of them

  /// A row of the table: where a map lies within a window, and one more number.
  int32_t add_row(const MapPlace& place, const Window& window, int32_t last = 0) {
    table.insert(table.end(), {static_cast<int32_t>(place.at - window.begin), static_cast<int32_t>(place.row),
                               place.pixel, last});
    return static_cast<int32_t>(table.size()) - 4;
  }
};

VulkanExecutor::VulkanExecutor(Graph graph, bool half, Matrices matrices, std::shared_ptr<Context> context,
                               std::shared_ptr<FrameCheck> frame_check)
    : Executor(graph),
      context_(std::move(context)),
      frame_check_(std::move(frame_check)),
      graph_(std::move(graph)),
      half_(half),
      matrices_(half ? matrices : Matrices::none),
      cut_(cut_for(context_->properties(), half, matrices_)),
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
  Buffer buffer(*context_, bytes, BufferUse::device);
  const Buffer staged(*context_, bytes, BufferUse::host_writes);
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
  const Layout layout = plan_.layout(width / density, height / density);
  const uint64_t maps = layout.numbers * number_bytes();
  uint64_t window = 0;
  for (const Step& step : plan_.steps()) window = std::max(window, plan_.windows(step, layout).largest());
  const auto pixels = static_cast<uint64_t>(width) * static_cast<uint64_t>(height),
             scale = static_cast<uint64_t>(this->scale());
  const uint64_t in = pixels * static_cast<uint64_t>(in_channels()) * sizeof(float),
                 out = pixels * scale * scale * static_cast<uint64_t>(out_channels()) * sizeof(float);
  // Shaders see so much at once, and count in 32 bits.
  const uint64_t seen = std::max({window * number_bytes(), in, out});
  const bool too_large = seen > context_->properties().largest_buffer || window > INT_MAX;
  return {slots * (in + out) + (context_->properties().shares_host ? maps : 0),
          too_large ? UINT64_MAX : maps};
}

/// Where a shader finds what it knows: maps to read, weights or the host's numbers, the table, constants,
/// maps beside them or something else, the map to write.
VkDescriptorSet VulkanExecutor::bind(Recording& r, const Windows& windows, const Buffer& second,
                                     const Buffer& constants, const Buffer* beside) const {
  const auto part = [&](const Window& window) {
    const Window& seen = window.end == 0 ? windows.result.end == 0 ? windows.inputs : windows.result : window;
    return BufferPart{&size_->maps, seen.begin * number_bytes(), seen.numbers() * number_bytes()};
  };
  return r.bindings->add(
      {part(windows.inputs), BufferPart{&second}, BufferPart{&r.tables}, BufferPart{&constants},
       beside != nullptr ? BufferPart{beside} : part(windows.others), part(windows.result)});
}

std::unique_ptr<VulkanExecutor::Size> VulkanExecutor::lay_out(int width, int height) {
  const int density = graph_.input_density();
  auto size = std::make_unique<Size>();
  size->cells_x = width / density;
  size->cells_y = height / density;
  size->layout = plan_.layout(size->cells_x, size->cells_y);
  const uint64_t bytes = size->layout.numbers * number_bytes();
  if (memory_for(width, height).device > most_memory(context_->properties()))
    throw Error(ErrorKind::out_of_resources, "", "the GPU does not hold a tile of this size",
                "less than " + format_memory_size(most_memory(context_->properties())),
                format_memory_size(bytes));
  size->maps = Buffer(*context_, bytes, BufferUse::device);
  Commands clear(*context_);
  clear.clear(size->maps);
  clear.end();
  clear.submit();
  clear.wait();
  return size;
}

std::unique_ptr<VulkanExecutor::Recording> VulkanExecutor::record() {
  auto recording = std::make_unique<Recording>();
  Recording& r = *recording;
  const auto [width, height] = size_->at(graph_.input_density());
  const auto pixels = static_cast<uint64_t>(width) * static_cast<uint64_t>(height),
             scale = static_cast<uint64_t>(this->scale());
  const uint64_t in = frames_ ? static_cast<uint64_t>(frames_->in.packed.words())
                              : pixels * static_cast<uint64_t>(in_channels()),
                 out = frames_ ? static_cast<uint64_t>(frames_->out.packed.words()) + frame_remarks
                               : pixels * scale * scale * static_cast<uint64_t>(out_channels());
  r.in = Buffer(*context_, in * sizeof(float), BufferUse::host_writes);
  r.out = Buffer(*context_, out * sizeof(float), BufferUse::host_reads);
  size_t rows = 4;  // of the copies
  for (const Operation& operation : graph_.operations) rows += inputs_of(operation).size() + 1;
  r.tables = Buffer(*context_, rows * 4 * sizeof(int32_t), BufferUse::host_writes);
  r.bindings.emplace(*context_, plan_.steps().size() + 2);

  const double cells = static_cast<double>(size_->cells_x) * size_->cells_y;
  r.commands.push_back(std::make_unique<Commands>(*context_));
  r.macs.push_back(0);
  Windows upload, download;
  upload.result.cover(place_of(graph_.input));
  download.inputs.cover(place_of(graph_.output));
  if (frames_) {
    // Samples are read many times.
    r.planes = Buffer(*context_, r.in.bytes(), BufferUse::device);
    r.remarks = Buffer(*context_, frame_remarks * sizeof(uint32_t), BufferUse::device);
    r.commands.back()->clear(r.remarks);
    r.commands.back()->copy(r.in, r.planes);
    record_frame(r, FrameWay::read, upload);
  } else {
    record_pointwise(r, PointwiseKind::upload, upload, r.in, {.out = graph_.input});
  }
  for (const Step& step : plan_.steps()) {
    if (r.macs.back() > most_macs(context_->properties())) {
      r.commands.back()->end();
      r.commands.push_back(std::make_unique<Commands>(*context_));
      r.macs.push_back(0);
    }
    record_step(r, step);
    r.macs.back() += plan_.macs(step) * cells;
  }
  if (frames_) {
    record_frame(r, FrameWay::write, download);
    r.commands.back()->copy(r.remarks, r.out, r.out.bytes() - r.remarks.bytes());
  } else {
    record_pointwise(r, PointwiseKind::download, download, r.out,
                     {.in = graph_.output, .out = graph_.output});
  }
  r.commands.back()->end();
  std::copy(r.table.begin(), r.table.end(), r.tables.data<int32_t>());
  return recording;
}

void VulkanExecutor::record_step(Recording& r, const Step& step) {
  const Windows windows = plan_.windows(step, size_->layout);
  const auto pointwise = [&](PointwiseKind kind, const Maps& maps, int factor = 1) {
    record_pointwise(r, kind, windows, weights_, maps, factor);
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
  std::visit(Overloaded{[&](const ConvolutionStep& s) { record_convolution(r, s, windows); },
                        [&](const PointwiseStep& s) { other(graph_.operations[s.operation]); }},
             step);
}

const MapPlace& VulkanExecutor::place_of(MapId map) const {
  return size_->layout.maps[static_cast<size_t>(map)];
}

Shader VulkanExecutor::convolution_shader() const {
  if (matrices_ == Matrices::cooperative) return Shader::matrix_cooperative;
  if (matrices_ == Matrices::plain) return Shader::matrix;
  if (context_->properties().software && context_->properties().wide)
    return half_ ? Shader::convolution_wide_half : Shader::convolution_wide;
  return half_ ? Shader::convolution_half : Shader::convolution;
}

void VulkanExecutor::record_convolution(Recording& r, const ConvolutionStep& step, const Windows& windows) {
  const auto& op = std::get<Convolution>(graph_.operations[step.operation]);
  const auto [width, height] = size_->at(graph_.map(op.inputs[0]).density);
  const auto beside = [&](MapId map) { return map < 0 ? -1 : r.add_row(place_of(map), windows.others); };
  const auto next_row = [&] { return static_cast<int32_t>(r.table.size()); };

  ConvolutionPush push{};
  push.width = width;
  push.height = height;
  push.kernel = step.kernel;
  push.before = step.before;
  push.steps = step.steps;
  push.first_input = next_row();
  for (const MapId in : op.inputs) r.add_row(place_of(in), windows.inputs, graph_.map(in).channels);
  push.first_weight = static_cast<int32_t>(step.first_weight);
  push.slice_weights = static_cast<int32_t>(step.slice_weights);
  push.outs = op.out_channels;
  push.first_constant = static_cast<int32_t>(step.first_constant);
  push.has_slope = step.has_slope ? 1 : 0;
  push.scale = op.scale;
  push.residuals = static_cast<int32_t>(op.residuals.size());
  push.first_residual = next_row();
  for (const Residual& residual : op.residuals)
    r.add_row(place_of(residual.map), windows.others, std::bit_cast<int32_t>(residual.scale));
  push.residual_scale = op.residuals.empty() ? 0 : op.residuals[0].scale;
  push.gate_map = beside(step.gate);
  push.phases = op.upsample * op.upsample;
  push.spread = step.spread;
  push.base_map = beside(step.base);
  push.out_map = r.add_row(place_of(step.out), windows.result);

  r.commands.back()->dispatch(convolution_shader(),
                              {cut_.lanes, cut_.waves, cut_.rows, step.outs, cut_.depth, step.taps, cut_.pass,
                               cut_.lanes * cut_.waves, static_cast<int32_t>(step.after)},
                              bind(r, windows, weights_, constants_), &push, sizeof push,
                              {groups(width, cut_.columns), groups(height, cut_.rows * cut_.waves),
                               static_cast<uint32_t>(step.slices * push.phases)});
}

void VulkanExecutor::record_pointwise(Recording& r, PointwiseKind kind, const Windows& windows,
                                      const Buffer& second, const Maps& maps, int factor) {
  const MapSpec& spec = graph_.map(maps.out);
  const auto [width, height] = size_->at(spec.density);
  const auto [in_width, in_height] = size_->at(maps.other < 0 ? 1 : graph_.map(maps.other).density);
  PointwisePush push{width, height, spec.channels, -1, -1, -1, factor, in_width, in_height};
  if (maps.in >= 0) push.in_map = r.add_row(place_of(maps.in), windows.inputs);
  if (maps.other >= 0) push.other_map = r.add_row(place_of(maps.other), windows.others);
  if (kind != PointwiseKind::download) push.out_map = r.add_row(place_of(maps.out), windows.result);
  r.commands.back()->dispatch(
      half_ ? Shader::pointwise_half : Shader::pointwise, {static_cast<int32_t>(kind)},
      bind(r, windows, second, constants_), &push, sizeof push,
      {groups(width * spec.channels, pointwise_group), static_cast<uint32_t>(height), 1});
}

void VulkanExecutor::record_frame(Recording& r, FrameWay way, const Windows& windows) {
  const bool reads = way == FrameWay::read;
  const FrameSide& side = reads ? frames_->in : frames_->out;
  const FrameFormat& format = side.format;
  FramePush push{format.width,
                 format.height,
                 format.chroma_width,
                 format.chroma_height,
                 format.bits,
                 {side.packed.plane_at(0), side.packed.plane_at(1), side.packed.plane_at(2)},
                 side.packed.row_words(0),
                 side.packed.row_words(1),
                 side.tables.across,
                 format.across.count,
                 side.tables.down,
                 format.down.count,
                 reads ? r.add_row(place_of(graph_.input), windows.result)
                       : r.add_row(place_of(graph_.output), windows.inputs)};
  r.commands.back()->dispatch(half_ ? Shader::frames_half : Shader::frames, {static_cast<int32_t>(way)},
                              bind(r, windows, reads ? r.planes : r.out, side.on_device, &r.remarks), &push,
                              sizeof push,
                              {groups(reads ? format.width : push.row_words, pointwise_group),
                               static_cast<uint32_t>(format.height), reads ? 1U : 2U});
}

bool VulkanExecutor::has_size_of(const Input& input) const {
  return size_ != nullptr && std::pair{size_->cells_x, size_->cells_y} ==
                                 std::pair{input.width / input_multiple(), input.height / input_multiple()};
}

bool VulkanExecutor::is_ready_for(const Input& input) const {
  return has_size_of(input) && input.formats == (frames_ ? frames_->formats : nullptr);
}

void VulkanExecutor::make_ready_for(const Input& input) {
  if (is_ready_for(input)) return;
  // Free before allocating: the two need not fit at once.
  forget_recordings();
  frames_.reset();
  if (!has_size_of(input)) {
    size_.reset();
    size_ = lay_out(input.width, input.height);
  }
  if (!input.formats) return;
  auto frames = std::make_unique<Frames>(input.formats);
  for (FrameSide* const side : {&frames->in, &frames->out})
    side->on_device = on_device(side->tables.numbers.data(), side->tables.numbers.size() * sizeof(float));
  frames_ = std::move(frames);
}

std::optional<size_t> VulkanExecutor::free_slot() const {
  for (size_t slot = 0; slot < slots; ++slot)
    if (std::none_of(announced_.begin(), announced_.end(),
                     [&](const Taken& taken) { return taken.slot == slot; }))
      return slot;
  return std::nullopt;
}

void VulkanExecutor::load(const Input& input, size_t slot) {
  if (!recordings_.at(slot)) recordings_.at(slot) = record();
  const Recording& r = *recordings_.at(slot);
  if (!frames_) {
    std::memcpy(r.in.data<float>(), input.floats, r.in.bytes());
    return;
  }
  frames_->in.packed.pack(input.frame, r.in.data<uint32_t>());
}

/// Until what was begun with of it is over.
void VulkanExecutor::wait_for(const Taken& taken) {
  for (size_t i = 0; i < taken.submitted; ++i) recordings_.at(taken.slot)->commands[i]->wait();
}

/// The input that was announced last is like any other from here on.
void VulkanExecutor::forget_last() {
  const Taken last = announced_.back();
  announced_.pop_back();
  wait_for(last);
}

/// They wait for their commands.
void VulkanExecutor::forget_recordings() {
  announced_.clear();
  recordings_ = {};
}

void VulkanExecutor::withdraw_checked() {
  while (!announced_.empty()) forget_last();
}

void VulkanExecutor::announce_input(const Input& input) {
  if (!is_ready_for(input)) return;
  const std::optional<size_t> slot = free_slot();
  if (!slot) return;
  load(input, *slot);
  announced_.push_back({input, *slot});
}

/// An input with its place on the device, announced or not.
VulkanExecutor::Taken VulkanExecutor::take(const Input& input) {
  if (!announced_.empty() && announced_.front().input == input) {
    Taken first = announced_.front();
    announced_.pop_front();
    return first;
  }
  make_ready_for(input);
  // What was begun with shares the maps.
  for (Taken& other : announced_) {
    wait_for(other);
    other.submitted = 0;
  }
  if (!free_slot()) forget_last();
  Taken taken{input, *free_slot()};
  load(input, taken.slot);
  return taken;
}

void VulkanExecutor::run_checked(const float* in, int width, int height, float* out,
                                 const RunControl& control) {
  const Recording& r = run_input({in, width, height}, control);
  std::memcpy(out, r.out.data<float>(), r.out.bytes());
}

bool VulkanExecutor::run_frame_checked(const FramePlanes& in, const FramePlanes& out,
                                       const std::shared_ptr<const FrameFormats>& formats,
                                       const RunControl& control) {
  const uint32_t* const words = run_input({in, formats}, control).out.data<uint32_t>();
  const uint32_t* const remarks = words + frames_->out.packed.words();
  if (remarks[not_finite] != 0) return false;
  if (half_ && remarks[above_zero] == 0 && is_bright(formats->in, in)) return false;
  frames_->out.packed.unpack(words, out);
  return true;
}

/// Where the result is.
const VulkanExecutor::Recording& VulkanExecutor::run_input(const Input& input, const RunControl& control) {
  const Taken taken = take(input);
  try {
    return run_slot(taken, control);
  } catch (...) {
    forget_recordings();
    throw;
  }
}

const VulkanExecutor::Recording& VulkanExecutor::run_slot(const Taken& taken, const RunControl& control) {
  const Recording& r = *recordings_.at(taken.slot);
  const size_t count = r.commands.size();
  const auto finish = [&](size_t i) {
    r.commands[i]->wait();
    if (control.done) control.done(r.macs[i]);
  };
  size_t finished = 0;
  // While one is computed the next is there already.
  for (size_t i = taken.submitted; i < count; ++i) {
    if (control.stop.stop_requested()) throw Cancelled();
    r.commands[i]->submit();
    if (i > 0) finish(finished++);
  }
  if (!announced_.empty() && announced_.front().submitted == 0) {
    Taken& next = announced_.front();
    recordings_.at(next.slot)->commands.front()->submit();
    next.submitted = 1;
  }
  while (finished < count) finish(finished++);
  return r;
}

}  // namespace esrgan::vulkan
