// Puts the graph of a network together from the tensors of a weight file.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "weights/layer_shapes.h"

namespace esrgan {

/// The tensors of a square convolution; without a bias it is zeros.
struct ConvolutionTensors {
  size_t out = 0, in = 0, kernel = 0;
  std::vector<float> weights, bias;  ///< [out][in][kernel][kernel], [out]
};

/// What of a network that sees several frames a graph is made of (families/time_head.h).
enum class GraphPart {
  whole,
  frame,  ///< what is done to a frame and its neighbours, and serves several windows
  trunk   ///< the rest
};

/// Each layer's channel counts come from its weights, so that pruned networks run unchanged. Everything
/// throws Error naming file and tensor when a tensor is missing or layers do not fit.
class GraphBuilder {
 public:
  /// `weights` must outlive this.
  explicit GraphBuilder(const StateDict& weights, GraphPart part = GraphPart::whole)
      : weights_(weights), shapes_(weights), part_(part) {}

  GraphPart part() const { return part_; }

  // ---- tensors ----

  const LayerShapes& shapes() const { return shapes_; }
  bool has(const std::string& tensor) const { return weights_.contains(tensor); }
  /// A tensor, which is used by that.
  const Tensor& tensor(const std::string& name);
  ConvolutionTensors convolution_tensors(const std::string& name);
  /// The values of a tensor, of which there must be `count`.
  std::vector<float> vector(const std::string& name, int count);

  // ---- convolutions; add() makes them part of the graph ----

  /// From the concatenation of `inputs`, with the shapes of its weights. The bias may be missing.
  Convolution convolution(const std::string& name, std::vector<MapId> inputs);
  Convolution convolution(const std::string& name, MapId input);
  /// The same with weights [out][in][kernel][kernel] that were worked out from several tensors.
  Convolution convolution(const std::string& name, std::vector<MapId> inputs, std::vector<float> weights,
                          std::vector<float> bias, int kernel) const;
  /// A transposed 4x4 convolution of stride 2 and padding 1 as a 3x3 convolution whose four output phases a
  /// pixel-shuffle by 2 brings in their places.
  Convolution transposed_convolution(const std::string& name, MapId input);
  /// Folds y = gamma * (x - mean) / sqrt(var + 1e-5) + beta into the convolution before it.
  void fold_batch_norm(Convolution& convolution, const std::string& name);
  /// (Leaky)ReLU.
  static void activate(Convolution& convolution, float slope);
  /// PReLU with one slope, or one for each channel; after a pixel-shuffle `repeat` channels share a slope, or
  /// each of them has its own.
  void activate_prelu(Convolution& convolution, const std::string& name, int repeat = 1);

  // ---- operations ----

  /// The network's input, where the grid has one cell for density x density pixels.
  MapId input(int channels, int density = 1);
  /// What is added from here on belongs to another stage.
  void begin_stage();
  MapId add(Convolution convolution);
  MapId pixel_shuffle(MapId in, int factor);
  MapId pixel_unshuffle(MapId in, int factor);
  MapId silu(MapId in);
  MapId symmetric_gate(MapId in, MapId residual);
  /// x and the input, enlarged to its size.
  MapId add_upsampled_input(MapId x, Upsampling mode);
  int channels(MapId map) const { return graph_.map(map).channels; }

  /// The graph with this output. Throws Error when a tensor was not used (by a part: of a frame, where they
  /// belong to the rest), or the enlargement is too large.
  Graph finish(MapId output);

 private:
  MapId new_map(int channels, int density);

  const StateDict& weights_;
  LayerShapes shapes_;
  GraphPart part_;
  std::set<std::string> used_;
  Graph graph_;
};

}  // namespace esrgan
