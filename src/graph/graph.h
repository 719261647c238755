// A network as a list of operations on buffers of feature maps.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/architecture.h"

namespace esrgan {

/// A buffer of feature maps. Extents are counted in cells of the network's grid, which is the input after a
/// possible pixel-unshuffle: a buffer of density d has d x d pixels for each cell.
struct BufferSpec {
  int channels = 0;
  int density = 1;
  int border = 0;  ///< zero pixels on each side that convolutions read as padding
};

/// Some consecutive channels of a buffer; concatenation is nothing but neighbouring slices.
struct Slice {
  int buffer = 0;
  int first = 0;
  int channels = 0;
};

struct Residual {
  Slice slice;
  float scale = 1;
};

/// y = scale * act(conv(upsample(x)) + bias) + sum of residuals; act(v) = v > 0 ? v : slope * v.
/// Stride 1, zero padding that keeps the size. A residual may be the output slice itself.
struct Convolution {
  std::string name;
  Slice in, out;
  int kernel = 3;
  int upsample = 1;            ///< nearest-neighbour enlargement of x, 1 or 2
  std::vector<float> weights;  ///< [out][in][kernel][kernel]
  std::vector<float> bias;     ///< [out]
  std::vector<float> slope;    ///< [out], or empty for no activation
  float scale = 1;
  std::vector<Residual> residuals;
};

struct Copy {
  Slice in, out;
};

/// Pixel-shuffle (channels to space), or its inverse: channel c * factor^2 + dy * factor + dx of the deep
/// side is pixel (dy, dx) of channel c of the wide side.
struct PixelShuffle {
  Slice in, out;
  int factor = 2;
  bool inverse = false;
};

enum class Upsampling { nearest, bilinear };

/// out += base enlarged by `factor`; bilinear as PyTorch's align_corners = false.
struct AddUpsampled {
  Slice base, out;
  int factor = 1;
  Upsampling mode = Upsampling::nearest;
};

using Operation = std::variant<Convolution, Copy, PixelShuffle, AddUpsampled>;

struct Graph {
  std::vector<BufferSpec> buffers;
  std::vector<Operation> operations;
  Slice input, output;

  int input_density() const { return buffers[static_cast<size_t>(input.buffer)].density; }
  int output_density() const { return buffers[static_cast<size_t>(output.buffer)].density; }
  /// How far, in input pixels, an output pixel looks.
  int receptive_radius() const;
  /// Multiply-accumulates for each input pixel.
  double macs_per_pixel() const;
};

/// Slices that an operation reads, and the one it writes.
std::vector<Slice> inputs_of(const Operation& operation);
Slice output_of(const Operation& operation);
double macs_per_cell(const Operation& operation, const Graph& graph);

/// Builds the graph of a model. Each layer's channel counts come from its weights, so that pruned networks
/// run unchanged. Throws Error naming file and tensor when layers do not fit or a tensor is left over.
Graph build_graph(const Model& model);

/// Where each buffer lies in one arena when the grid has cells_x x cells_y cells: buffers that are not alive
/// at the same time share memory. Offsets and total in floats.
struct MemoryPlan {
  std::vector<size_t> offsets;
  size_t total = 0;
};
MemoryPlan plan_memory(const Graph& graph, int cells_x, int cells_y);

/// Extents of a buffer in floats, border included.
struct BufferExtent {
  size_t width, height, floats;  ///< width and height in pixels, with the border
};
BufferExtent extent_of(const BufferSpec& spec, int cells_x, int cells_y);

}  // namespace esrgan
