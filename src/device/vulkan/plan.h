// A graph as the steps that a Vulkan device carries out: what is fused, how weights are packed, where maps
// lie, and the bytes that move. Knows nothing of Vulkan.
#pragma once

#include <array>
#include <cstdint>
#include <variant>
#include <vector>

#include "graph/graph.h"

namespace esrgan::vulkan {

/// How convolution.comp, or matrix.comp, is cut for a device.
struct Cut {
  bool matrix = false;  ///< matrix.comp
  int lanes = 32;       ///< of a subgroup
  int columns = 32;     ///< pixels across that a subgroup computes
  int waves = 4;        ///< subgroups of a workgroup
  int rows = 4;         ///< that a subgroup computes
  int outs = 16;        ///< outputs, of convolutions that have as many
  int depth = 4;        ///< input channels at a time
  int pass = 2;         ///< rows whose sums are finished at a time
  int packed = 2;       ///< weights in eight bytes
};

/// What is done to a convolution's sums, after its residuals.
enum class After { nothing, silu, gate };

/// A convolution and what follows it in the same dispatch.
struct ConvolutionStep {
  size_t operation = 0;                          ///< in Graph::operations
  int kernel = 3;                                ///< taps across, of the input's pixels
  int before = 1;                                ///< taps before a pixel
  int taps = 3;                                  ///< rows of the kernel at a time
  int outs = 16;                                 ///< outputs of a slice
  int slices = 1;                                ///< times four for an enlarged input
  int steps = 0;                                 ///< blocks of weights of a slice
  uint32_t first_weight = 0, slice_weights = 0;  ///< in Plan::weights, packs
  uint32_t first_constant = 0;                   ///< in Plan::constants
  bool has_slope = false;
  After after = After::nothing;
  MapId gate = -1;  ///< of After::gate
  int spread = 1;   ///< factor of a pixel-shuffle
  MapId base = -1;  ///< enlarged by `spread` (nearest) and added, or none
  MapId out = 0;
};

/// One of the other operations, as it is in the graph.
struct PointwiseStep {
  size_t operation = 0;
};

using Step = std::variant<ConvolutionStep, PointwiseStep>;

/// Maps of one shape share memory by turns, so that their borders stay zero.
struct SlotClass {
  int channels = 0;  ///< of a pixel, padded
  int density = 1;
  int border = 0;  ///< zeros around, pixels
  int slots = 0;
};

/// Where a map lies, in numbers from the beginning of the maps' memory; its border included it has [begin,
/// end).
struct MapPlace {
  uint64_t begin = 0, end = 0;
  uint64_t at = 0;  ///< of the first pixel
  uint64_t row = 0;
  int pixel = 0;
};

/// A part of the maps' memory that a shader sees at once.
struct Window {
  uint64_t begin = 0, end = 0;
  void cover(const MapPlace& map) {
    begin = end == 0 ? map.begin : begin < map.begin ? begin : map.begin;
    end = end > map.end ? end : map.end;
  }
  uint64_t numbers() const { return end - begin; }
};

/// Those of a step: what is convolved (or read alone), what is read beside it, what is written.
struct Windows {
  Window inputs, others, result;
  uint64_t largest() const;
};

struct Layout {
  std::vector<MapPlace> maps;
  uint64_t numbers = 0;  ///< in all
};

class Plan {
 public:
  Plan(const Graph& graph, const Cut& cut);

  const std::vector<Step>& steps() const { return steps_; }
  /// For convolution.comp: for every slice, map, `depth` channels, `taps` rows and column:
  /// [channel][row][output], padded to whole subgroups.
  const std::vector<float>& weights() const { return weights_; }
  /// When the device has them.
  void forget_weights() { weights_ = {}; }
  /// Biases and slopes.
  const std::vector<float>& constants() const { return constants_; }

  /// Of an input with as many cells.
  Layout layout(int cells_x, int cells_y) const;

  Windows windows(const Step& step, const Layout& layout) const;

  /// Multiply-accumulates per cell.
  double macs(const Step& step) const;

  /// Bytes of device memory that a step must read and write, each once, per cell; `number`: bytes of one.
  double traffic(const Step& step, int number) const;

 private:
  ConvolutionStep convolution_step(const Convolution& op, size_t index);
  using Readers = std::vector<std::vector<size_t>>;  // of each map, operations
  void fuse(ConvolutionStep& step, const Readers& readers, std::vector<bool>& done) const;
  void pack(const Convolution& op, ConvolutionStep& step);
  void assign_slots();
  std::vector<MapId> maps_read(const Step& step) const;

  const Graph& graph_;
  Cut cut_;
  std::vector<Step> steps_;
  std::vector<float> weights_, constants_;
  std::vector<SlotClass> classes_;
  std::vector<std::array<int, 2>> slots_;  // of each map: class and slot; -1 for maps that are never stored
};

/// The map that a step writes.
MapId output_of(const Step& step, const Graph& graph);

}  // namespace esrgan::vulkan
