#include <esrgan/error.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "graph/graph.h"

namespace esrgan {
namespace {

constexpr float leaky_slope = 0.2F;      // RRDBNet
constexpr float msrresnet_slope = 0.1F;  // BasicSR's MSRResNet
constexpr float residual_scale = 0.2F;   // RRDBNet, unless the weights hold a learned one
constexpr double bn_epsilon = 1e-5;      // PyTorch's default

class Builder {
 public:
  explicit Builder(const Model& model) : architecture_(model.architecture), weights_(model.weights) {}

  Graph build() {
    switch (architecture_.family) {
      case Family::rrdbnet:
        rrdbnet();
        break;
      case Family::compact:
        compact();
        break;
      case Family::msrresnet:
        msrresnet();
        break;
      case Family::srresnet:
        srresnet();
        break;
    }
    for (const auto& [name, tensor] : weights_.tensors)
      if (!used_.contains(name))
        throw Error(weights_.file, "the tensor '" + name + "' belongs to no layer of this network");
    const int channels = graph_.map(graph_.output).channels;
    if (channels != architecture_.out_channels)
      throw Error(weights_.file, "channels of the network's output",
                  std::to_string(architecture_.out_channels), std::to_string(channels));
    return std::move(graph_);
  }

 private:
  // ---- tensors ----

  const Tensor& tensor(const std::string& name) {
    used_.insert(name);
    return weights_.at(name);
  }

  std::vector<float> vector(const std::string& name, int count) {
    const Tensor& found = tensor(name);
    if (found.values.size() != static_cast<size_t>(count))
      throw Error(weights_.file, "length of tensor '" + name + "'", std::to_string(count),
                  found.shape_text());
    return found.values;
  }

  /// A convolution from the concatenation of `inputs` with the shapes of its weights.
  Convolution convolution(const std::string& name, std::vector<MapId> inputs) {
    const Tensor& found = tensor(name + ".weight");
    const auto& shape = found.shape;
    int in_channels = 0;
    for (const MapId input : inputs) in_channels += graph_.map(input).channels;
    const bool fits = shape.size() == 4 && shape[0] > 0 && shape[0] <= 65536 && shape[1] == in_channels &&
                      shape[2] == shape[3] && shape[2] % 2 == 1 && shape[2] <= 15;
    if (!fits)
      throw Error(weights_.file, "shape of tensor '" + name + ".weight'",
                  "[out, " + std::to_string(in_channels) + ", k, k] with k odd", found.shape_text());
    Convolution result;
    result.name = name;
    result.inputs = std::move(inputs);
    result.in_channels = in_channels;
    result.out_channels = static_cast<int>(shape[0]);
    result.kernel = static_cast<int>(shape[2]);
    if (result.kernel != 3 && result.inputs.size() > 1)
      throw Error(weights_.file, "kernel of '" + name + "', which reads several maps", "3x3",
                  found.shape_text());
    result.weights = found.values;
    result.bias.assign(static_cast<size_t>(shape[0]), 0.0F);
    if (weights_.contains(name + ".bias")) result.bias = vector(name + ".bias", result.out_channels);
    return result;
  }

  Convolution convolution(const std::string& name, MapId input) {
    return convolution(name, std::vector<MapId>{input});
  }

  /// Folds y = gamma * (x - mean) / sqrt(var + eps) + beta into the convolution before it.
  void fold_batch_norm(Convolution& conv, const std::string& name) {
    const int count = conv.out_channels;
    const auto gamma = vector(name + ".weight", count), beta = vector(name + ".bias", count);
    const auto mean = vector(name + ".running_mean", count), variance = vector(name + ".running_var", count);
    const size_t per_channel = conv.weights.size() / static_cast<size_t>(count);
    for (size_t c = 0; c < static_cast<size_t>(count); ++c) {
      const double factor = gamma[c] / std::sqrt(variance[c] + bn_epsilon);
      for (size_t i = c * per_channel; i < (c + 1) * per_channel; ++i)
        conv.weights[i] = static_cast<float>(conv.weights[i] * factor);
      conv.bias[c] = static_cast<float>((conv.bias[c] - mean[c]) * factor + beta[c]);
    }
  }

  static void activate(Convolution& conv, float slope) {
    conv.slope.assign(static_cast<size_t>(conv.out_channels), slope);
  }

  /// PReLU with one slope, or one for each channel; after a pixel-shuffle `repeat` channels share a slope.
  void activate_prelu(Convolution& conv, const std::string& name, int repeat = 1) {
    const Tensor& found = tensor(name + ".weight");
    const size_t count = found.values.size();
    if (count != 1 && count * static_cast<size_t>(repeat) != static_cast<size_t>(conv.out_channels))
      throw Error(weights_.file, "length of tensor '" + name + ".weight'",
                  "1 or " + std::to_string(conv.out_channels / repeat), found.shape_text());
    conv.slope.resize(static_cast<size_t>(conv.out_channels));
    for (size_t c = 0; c < conv.slope.size(); ++c)
      conv.slope[c] = found.values[count == 1 ? 0 : c / static_cast<size_t>(repeat)];
  }

  // ---- maps and operations ----

  MapId new_map(int channels, int density) {
    graph_.maps.push_back({channels, density});
    return static_cast<MapId>(graph_.maps.size()) - 1;
  }

  /// What is added from here on belongs to another stage.
  void begin_stage() { graph_.stages.push_back(graph_.operations.size()); }

  MapId add(Convolution conv) {
    for (const Residual& residual : conv.residuals)
      if (graph_.map(residual.map).channels != conv.out_channels)
        throw Error(weights_.file, "output channels of '" + conv.name + "', which are added to others",
                    std::to_string(graph_.map(residual.map).channels), std::to_string(conv.out_channels));
    conv.out = new_map(conv.out_channels, graph_.map(conv.inputs[0]).density * conv.upsample);
    graph_.operations.emplace_back(std::move(conv));
    return static_cast<MapId>(graph_.maps.size()) - 1;
  }

  MapId shuffle(MapId in, int factor) {
    const MapSpec deep = graph_.map(in);
    if (deep.channels % (factor * factor) != 0)
      throw Error(weights_.file, "channels before a pixel-shuffle",
                  "a multiple of " + std::to_string(factor * factor), std::to_string(deep.channels));
    const MapId out = new_map(deep.channels / (factor * factor), deep.density * factor);
    graph_.operations.emplace_back(PixelShuffle{in, out, factor, false});
    return out;
  }

  // ---- families ----

  void rrdbnet() {
    const int fold = architecture_.unshuffle;
    graph_.input = new_map(architecture_.in_channels, fold);
    begin_stage();
    MapId x = graph_.input;
    if (fold > 1) {
      const MapId folded = new_map(architecture_.in_channels * fold * fold, 1);
      graph_.operations.emplace_back(PixelShuffle{x, folded, fold, true});
      x = folded;
    }
    const MapId first = add(convolution("conv_first", x));
    x = first;
    for (int n = 0; n < architecture_.blocks; ++n) x = rrdb(n, x);
    begin_stage();
    Convolution last_body = convolution("conv_body", x);
    last_body.residuals = {{first, 1}};
    x = add(std::move(last_body));
    begin_stage();
    for (int i = 1; i <= architecture_.upsamplings; ++i) x = upsample("conv_up" + std::to_string(i), x);
    Convolution hr = convolution("conv_hr", x);
    activate(hr, leaky_slope);
    graph_.output = add(convolution("conv_last", add(std::move(hr))));
  }

  /// One doubling of RRDBNet's grid.
  MapId upsample(const std::string& name, MapId x) {
    const bool shuffled = architecture_.upsampler != Upsampler::nearest;
    Convolution up = architecture_.upsampler == Upsampler::transposed ? transposed_convolution(name, x)
                                                                      : convolution(name, x);
    if (up.kernel != 3)
      throw Error(weights_.file, "kernel of '" + up.name + "', which belongs to an enlargement", "3x3",
                  std::to_string(up.kernel) + "x" + std::to_string(up.kernel));
    activate(up, leaky_slope);
    if (!shuffled) up.upsample = 2;
    x = add(std::move(up));
    return shuffled ? shuffle(x, 2) : x;
  }

  /// A transposed 4x4 convolution of stride 2 and padding 1 as a 3x3 convolution whose four output phases are
  /// shuffled: output row 2y + p takes the input rows y + p - 1 and y + p by the kernel rows 3 - p and 1 - p.
  Convolution transposed_convolution(const std::string& name, MapId input) {
    const Tensor& found = tensor(name + ".weight");
    const int in = graph_.map(input).channels;
    if (found.shape.size() != 4 || found.shape[0] != in || found.shape[2] != 4 || found.shape[3] != 4)
      throw Error(weights_.file, "shape of tensor '" + name + ".weight'", std::to_string(in) + "xNx4x4",
                  found.shape_text());
    const auto ins = static_cast<size_t>(in), outs = static_cast<size_t>(found.shape[1]);
    const std::vector<float> bias = vector(name + ".bias", static_cast<int>(outs));
    Convolution result;
    result.name = name;
    result.inputs = {input};
    result.in_channels = in;
    result.out_channels = static_cast<int>(4 * outs);
    result.kernel = 3;
    result.weights.assign(4 * outs * ins * 9, 0.0F);
    result.bias.resize(4 * outs);
    for (size_t deep = 0; deep < 4 * outs; ++deep) {
      const size_t out = deep / 4, py = deep / 2 % 2, px = deep % 2;
      result.bias[deep] = bias[out];
      for (size_t c = 0; c < ins; ++c)
        for (size_t ky = 0; ky < 2; ++ky)
          for (size_t kx = 0; kx < 2; ++kx)
            result.weights[((deep * ins + c) * 3 + py + ky) * 3 + px + kx] =
                found.values[((c * outs + out) * 4 + 3 - py - 2 * ky) * 4 + 3 - px - 2 * kx];
    }
    return result;
  }

  MapId rrdb(int n, MapId input) {
    const float outer = scale_of("body." + std::to_string(n));
    MapId x = input;
    for (int k = 1; k <= 3; ++k) {
      begin_stage();
      const std::string name = "body." + std::to_string(n) + ".rdb" + std::to_string(k);
      const float inner = scale_of(name);
      // The last dense block carries the outer residual along: outer * (inner * conv5 + x) + input.
      if (k < 3)
        x = dense_block(name, x, inner, {{x, 1}});
      else
        x = dense_block(name, x, outer * inner, {{x, outer}, {input, 1}});
    }
    return x;
  }

  float scale_of(const std::string& block) {
    const std::string name = block + ".residual_scale";
    return weights_.contains(name) ? vector(name, 1)[0] : residual_scale;
  }

  MapId dense_block(const std::string& name, MapId from, float scale, std::vector<Residual> residuals) {
    std::vector<MapId> known{from};  // grows by each convolution's output
    for (int j = 1; j <= 4; ++j) {
      Convolution conv = convolution(name + ".conv" + std::to_string(j), known);
      activate(conv, leaky_slope);
      if (architecture_.conv1x1) {  // ESRGAN+: x2 += conv1x1(x), x4 += x2
        if (j == 2) conv.residuals = {{add(convolution(name + ".conv1x1", from)), 1}};
        if (j == 4) conv.residuals = {{known[2], 1}};
      }
      known.push_back(add(std::move(conv)));
    }
    Convolution conv = convolution(name + ".conv5", known);
    conv.scale = scale;
    conv.residuals = std::move(residuals);
    return add(std::move(conv));
  }

  void compact() {
    constexpr int convolutions_in_a_stage = 6;
    graph_.input = new_map(architecture_.in_channels, 1);
    MapId x = graph_.input;
    for (int i = 0; i <= architecture_.blocks; ++i) {
      if (i % convolutions_in_a_stage == 0) begin_stage();
      Convolution conv = convolution("body." + std::to_string(2 * i), x);
      const std::string activation = "body." + std::to_string(2 * i + 1);
      if (weights_.contains(activation + ".weight"))
        activate_prelu(conv, activation);
      else
        activate(conv, architecture_.compact_slope);
      x = add(std::move(conv));
    }
    x = add(convolution("body." + std::to_string(2 * architecture_.blocks + 2), x));
    add_base(shuffle(x, architecture_.scale), Upsampling::nearest);
  }

  /// The network's output: x and the enlarged input.
  void add_base(MapId x, Upsampling mode) {
    const MapSpec spec = graph_.map(x);
    if (architecture_.in_channels != spec.channels)
      throw Error(weights_.file, "output channels, to which the enlarged input is added",
                  std::to_string(architecture_.in_channels), std::to_string(spec.channels));
    graph_.output = new_map(spec.channels, spec.density);
    graph_.operations.emplace_back(AddUpsampled{x, graph_.input, graph_.output, architecture_.scale, mode});
  }

  void msrresnet() {
    graph_.input = new_map(architecture_.in_channels, 1);
    begin_stage();
    Convolution first = convolution("conv_first", graph_.input);
    activate(first, msrresnet_slope);
    MapId x = add(std::move(first));
    for (int n = 0; n < architecture_.blocks; ++n) {
      begin_stage();
      Convolution conv = convolution("body." + std::to_string(n) + ".conv1", x);
      activate(conv, 0);
      Convolution second = convolution("body." + std::to_string(n) + ".conv2", add(std::move(conv)));
      second.residuals = {{x, 1}};
      x = add(std::move(second));
    }
    begin_stage();
    x = upsample_by_shuffle(x, "upconv", [](Convolution& conv, int) { activate(conv, msrresnet_slope); });
    Convolution hr = convolution("conv_hr", x);
    activate(hr, msrresnet_slope);
    add_base(add(convolution("conv_last", add(std::move(hr)))), Upsampling::bilinear);
  }

  void srresnet() {
    graph_.input = new_map(architecture_.in_channels, 1);
    begin_stage();
    Convolution conv_first = convolution("conv_first", graph_.input);
    activate_prelu(conv_first, "act_first");
    const MapId first = add(std::move(conv_first));
    MapId x = first;
    for (int n = 0; n < architecture_.blocks; ++n) {
      begin_stage();
      const std::string block = "body." + std::to_string(n);
      Convolution conv = convolution(block + ".conv1", x);
      fold_batch_norm(conv, block + ".bn1");
      activate_prelu(conv, block + ".act");
      Convolution second = convolution(block + ".conv2", add(std::move(conv)));
      fold_batch_norm(second, block + ".bn2");
      second.residuals = {{x, 1}};
      x = add(std::move(second));
    }
    begin_stage();
    Convolution body = convolution("conv_body", x);
    fold_batch_norm(body, "bn_body");
    body.residuals = {{first, 1}};
    x = upsample_by_shuffle(add(std::move(body)), "conv_up", [&](Convolution& conv, int step) {
      activate_prelu(conv, "act_up" + std::to_string(step), factor_ * factor_);
    });
    graph_.output = add(convolution("conv_last", x));
  }

  /// Convolution, activation (it commutes with the shuffle), pixel-shuffle; as often as the network has it.
  template <typename Activate>
  MapId upsample_by_shuffle(MapId x, const std::string& prefix, Activate activate_step) {
    const int steps = architecture_.upsamplings;
    factor_ = static_cast<int>(std::lround(std::pow(architecture_.scale, 1.0 / std::max(1, steps))));
    for (int i = 1; i <= steps; ++i) {
      Convolution conv = convolution(prefix + std::to_string(i), x);
      activate_step(conv, i);
      x = shuffle(add(std::move(conv)), factor_);
    }
    return x;
  }

  const Architecture& architecture_;
  const StateDict& weights_;
  std::set<std::string> used_;
  Graph graph_;
  int factor_ = 2;  // of each pixel-shuffle step
};

}  // namespace

Graph build_graph(const Model& model) {
  return Builder(model).build();
}

}  // namespace esrgan
