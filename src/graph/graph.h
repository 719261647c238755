// A network as a list of operations on feature maps.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace esrgan {

/// Feature maps that one operation writes, once, and later ones read. Extents are counted in cells of the
/// network's grid, which is the input after a possible pixel-unshuffle: a tensor of density d has d x d
/// pixels for each cell.
struct MapSpec {
  int channels = 0;
  int density = 1;
};

/// Index into Graph::maps.
using MapId = int;

struct Residual {
  MapId map = 0;
  float scale = 1;
};

/// y = scale * act(conv(upsample(x)) + bias) + sum of residuals; act(v) = v > 0 ? v : slope * v, where x is
/// the concatenation of `inputs`. Stride 1, zero padding that keeps the size.
struct Convolution {
  std::string name;
  std::vector<MapId> inputs;
  MapId out = 0;
  int in_channels = 0, out_channels = 0;
  int kernel = 3;
  int upsample = 1;            ///< nearest-neighbour enlargement of x, 1 or 2
  std::vector<float> weights;  ///< [out][in][kernel][kernel]
  std::vector<float> bias;     ///< [out]
  std::vector<float> slope;    ///< [out], or empty for no activation
  std::string slope_name{};    ///< of the layer that the slopes were learned in, else empty
  float scale = 1;
  std::vector<Residual> residuals;
};

/// Pixel-shuffle (channels to space), or its inverse: channel c * factor^2 + dy * factor + dx of the deep
/// side is pixel (dy, dx) of channel c of the wide side.
struct PixelShuffle {
  MapId in = 0, out = 0;
  int factor = 2;
  bool inverse = false;
};

enum class Upsampling { nearest, bilinear };

/// out = in + base enlarged by `factor`; bilinear as PyTorch's align_corners = false.
struct AddUpsampled {
  MapId in = 0, base = 0, out = 0;
  int factor = 1;
  Upsampling mode = Upsampling::nearest;
};

/// out = in * sigmoid(in) (SiLU).
struct Silu {
  MapId in = 0, out = 0;
};

/// out = (in + residual) * (sigmoid(in) - 1/2): SPAN's attention without parameters (arXiv:2311.12770,
/// equation 4).
struct SymmetricGate {
  MapId in = 0, residual = 0, out = 0;
};

using Operation = std::variant<Convolution, PixelShuffle, AddUpsampled, Silu, SymmetricGate>;

struct Graph {
  std::vector<MapSpec> maps;
  std::vector<Operation> operations;
  /// Stage i runs from operation stages[i] to the next stage's start (or the end): operations of a stage are
  /// worth running together, some rows of each in turn, because their intermediate maps then stay in the
  /// processor's caches.
  std::vector<size_t> stages;
  MapId input = 0, output = 0;

  const MapSpec& map(MapId id) const { return maps[static_cast<size_t>(id)]; }
  int input_density() const { return map(input).density; }
  int output_density() const { return map(output).density; }
  /// How far, in input pixels, an output pixel looks.
  int receptive_radius() const;
  /// How far, in input pixels, a change of the input may touch the output, if only in its rounding, where
  /// convolutions are computed by tiles of `tile` pixels from one place on; none where the place of a pixel
  /// in the picture itself enters its value.
  std::optional<int> computational_reach(int tile) const;
  /// Multiply-accumulates for each input pixel.
  double macs_per_pixel() const;
};

/// A network of this convolution alone, between maps of its own.
Graph graph_of(Convolution convolution);

/// Maps that an operation reads, and the one it writes.
std::vector<MapId> inputs_of(const Operation& operation);
MapId output_of(const Operation& operation);
/// How far an operation looks, in pixels of its output.
int radius_of(const Operation& operation);
double macs_per_cell(const Operation& operation, const Graph& graph);
/// For people: "convolution 'conv_up1'".
std::string name_of(const Operation& operation);

}  // namespace esrgan
