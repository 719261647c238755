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
    const int channels = graph_.output.channels;
    if (channels != architecture_.out_channels)
      throw Error(weights_.file, "channels of the network's output",
                  std::to_string(architecture_.out_channels), std::to_string(channels));
    set_borders();
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

  /// A convolution from x with the shapes of its weights; the caller sets `out`.
  Convolution convolution(const std::string& name, Slice x) {
    const Tensor& found = tensor(name + ".weight");
    const auto& shape = found.shape;
    const bool fits = shape.size() == 4 && shape[0] > 0 && shape[0] <= 65536 && shape[1] == x.channels &&
                      shape[2] == shape[3] && shape[2] % 2 == 1 && shape[2] <= 15;
    if (!fits)
      throw Error(weights_.file, "shape of tensor '" + name + ".weight'",
                  "[out, " + std::to_string(x.channels) + ", k, k] with k odd", found.shape_text());
    Convolution result;
    result.name = name;
    result.in = x;
    result.out.channels = static_cast<int>(shape[0]);
    result.kernel = static_cast<int>(shape[2]);
    result.weights = found.values;
    result.bias.assign(static_cast<size_t>(shape[0]), 0.0F);
    if (weights_.contains(name + ".bias")) result.bias = vector(name + ".bias", result.out.channels);
    return result;
  }

  /// Folds y = gamma * (x - mean) / sqrt(var + eps) + beta into the convolution before it.
  void fold_batch_norm(Convolution& conv, const std::string& name) {
    const int count = conv.out.channels;
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
    conv.slope.assign(static_cast<size_t>(conv.out.channels), slope);
  }

  /// PReLU with one slope, or one for each channel; after a pixel-shuffle `repeat` channels share a slope.
  void activate_prelu(Convolution& conv, const std::string& name, int repeat = 1) {
    const Tensor& found = tensor(name + ".weight");
    const size_t count = found.values.size();
    if (count != 1 && count * static_cast<size_t>(repeat) != static_cast<size_t>(conv.out.channels))
      throw Error(weights_.file, "length of tensor '" + name + ".weight'",
                  "1 or " + std::to_string(conv.out.channels / repeat), found.shape_text());
    conv.slope.resize(static_cast<size_t>(conv.out.channels));
    for (size_t c = 0; c < conv.slope.size(); ++c)
      conv.slope[c] = found.values[count == 1 ? 0 : c / static_cast<size_t>(repeat)];
  }

  // ---- buffers and operations ----

  Slice new_buffer(int channels, int density) {
    graph_.buffers.push_back({channels, density, 0});
    return {static_cast<int>(graph_.buffers.size()) - 1, 0, channels};
  }

  int density_of(Slice slice) const { return graph_.buffers[static_cast<size_t>(slice.buffer)].density; }

  Slice add(Convolution conv, Slice out) {
    if (out.channels != conv.out.channels)
      throw Error(weights_.file, "output channels of '" + conv.name + "'", std::to_string(out.channels),
                  std::to_string(conv.out.channels));
    for (const Residual& residual : conv.residuals)
      if (residual.slice.channels != out.channels)
        throw Error(weights_.file, "output channels of '" + conv.name + "', which are added to others",
                    std::to_string(residual.slice.channels), std::to_string(out.channels));
    conv.out = out;
    graph_.operations.emplace_back(std::move(conv));
    return out;
  }

  Slice add(Convolution conv) {
    const Slice out = new_buffer(conv.out.channels, density_of(conv.in) * conv.upsample);
    return add(std::move(conv), out);
  }

  Slice shuffle(Slice in, int factor) {
    if (in.channels % (factor * factor) != 0)
      throw Error(weights_.file, "channels before a pixel-shuffle",
                  "a multiple of " + std::to_string(factor * factor), std::to_string(in.channels));
    const Slice out = new_buffer(in.channels / (factor * factor), density_of(in) * factor);
    graph_.operations.emplace_back(PixelShuffle{in, out, factor, false});
    return out;
  }

  /// Every buffer gets as much zero border as the widest convolution that reads it.
  void set_borders() {
    for (const Operation& operation : graph_.operations)
      if (const auto* conv = std::get_if<Convolution>(&operation)) {
        int& border = graph_.buffers[static_cast<size_t>(conv->in.buffer)].border;
        border = std::max(border, conv->kernel / 2);
      }
  }

  // ---- families ----

  void rrdbnet() {
    const int fold = architecture_.unshuffle;
    graph_.input = new_buffer(architecture_.in_channels, fold);
    Slice x = graph_.input;
    if (fold > 1) {
      const Slice folded = new_buffer(x.channels * fold * fold, 1);
      graph_.operations.emplace_back(PixelShuffle{x, folded, fold, true});
      x = folded;
    }
    const Slice first = add(convolution("conv_first", x));
    const Slice body = rrdb_body(first);
    Convolution last_body = convolution("conv_body", body);
    last_body.residuals = {{first, 1}};
    x = add(std::move(last_body));
    for (int i = 1; i <= architecture_.upsamplings; ++i) {
      Convolution up = convolution("conv_up" + std::to_string(i), x);
      up.upsample = 2;
      activate(up, leaky_slope);
      x = add(std::move(up));
    }
    Convolution hr = convolution("conv_hr", x);
    activate(hr, leaky_slope);
    graph_.output = add(convolution("conv_last", add(std::move(hr))));
  }

  /// Three buffers suffice for any depth: a dense block reads one and writes its result to the start of the
  /// next; the third block of an RRDB comes back to the first, whose start still holds the RRDB's input.
  Slice rrdb_body(Slice first) {
    const int features = first.channels;
    int widest = 0;
    for (int n = 0; n < architecture_.blocks; ++n)
      for (int k = 1; k <= 3; ++k) widest = std::max(widest, growth_of(rdb_name(n, k)));
    std::vector<Slice> dense;
    for (int i = 0; i < 3; ++i) {
      dense.push_back(new_buffer(features + widest, 1));
      dense.back().channels = features;
    }
    graph_.operations.emplace_back(Copy{first, dense[0]});
    for (int n = 0; n < architecture_.blocks; ++n) {
      const float outer = scale_of("body." + std::to_string(n));
      for (int k = 1; k <= 3; ++k) {
        const std::string name = rdb_name(n, k);
        const Slice from = dense[static_cast<size_t>(k - 1)], to = dense[static_cast<size_t>(k % 3)];
        const float inner = scale_of(name);
        // The last dense block carries the outer residual along: outer * (inner * conv5 + x) + rrdb_input.
        if (k < 3)
          dense_block(name, from, to, inner, {{from, 1}});
        else
          dense_block(name, from, to, outer * inner, {{from, outer}, {dense[0], 1}});
      }
    }
    return dense[0];
  }

  static std::string rdb_name(int block, int k) {
    return "body." + std::to_string(block) + ".rdb" + std::to_string(k);
  }

  int growth_of(const std::string& rdb) {
    int growth = 0;
    for (int j = 1; j <= 4; ++j)
      growth += static_cast<int>(tensor(rdb + ".conv" + std::to_string(j) + ".bias").values.size());
    return growth;
  }

  float scale_of(const std::string& block) {
    const std::string name = block + ".residual_scale";
    return weights_.contains(name) ? vector(name, 1)[0] : residual_scale;
  }

  void dense_block(const std::string& name, Slice from, Slice to, float scale,
                   std::vector<Residual> residuals) {
    Slice known = from;  // grows by each convolution's output
    Slice second;
    for (int j = 1; j <= 4; ++j) {
      Convolution conv = convolution(name + ".conv" + std::to_string(j), known);
      activate(conv, leaky_slope);
      const Slice out{from.buffer, known.channels, conv.out.channels};
      if (j == 2 && architecture_.conv1x1) {  // ESRGAN+: x2 += conv1x1(x)
        add(convolution(name + ".conv1x1", from), out);
        conv.residuals = {{out, 1}};
      }
      if (j == 4 && architecture_.conv1x1) conv.residuals = {{second, 1}};  // ESRGAN+: x4 += x2
      add(std::move(conv), out);
      if (j == 2) second = out;
      known.channels += out.channels;
    }
    Convolution conv = convolution(name + ".conv5", known);
    conv.scale = scale;
    conv.residuals = std::move(residuals);
    add(std::move(conv), to);
  }

  void compact() {
    graph_.input = new_buffer(architecture_.in_channels, 1);
    Slice x = graph_.input;
    for (int i = 0; i <= architecture_.blocks; ++i) {
      Convolution conv = convolution("body." + std::to_string(2 * i), x);
      const std::string activation = "body." + std::to_string(2 * i + 1);
      if (weights_.contains(activation + ".weight"))
        activate_prelu(conv, activation);
      else
        activate(conv, architecture_.compact_slope);
      x = add(std::move(conv));
    }
    x = add(convolution("body." + std::to_string(2 * architecture_.blocks + 2), x));
    graph_.output = shuffle(x, architecture_.scale);
    add_base(Upsampling::nearest);
  }

  void add_base(Upsampling mode) {
    if (graph_.input.channels != graph_.output.channels)
      throw Error(weights_.file, "output channels, to which the enlarged input is added",
                  std::to_string(graph_.input.channels), std::to_string(graph_.output.channels));
    graph_.operations.emplace_back(AddUpsampled{graph_.input, graph_.output, architecture_.scale, mode});
  }

  void msrresnet() {
    graph_.input = new_buffer(architecture_.in_channels, 1);
    Convolution first = convolution("conv_first", graph_.input);
    activate(first, msrresnet_slope);
    Slice x = add(std::move(first));
    for (int n = 0; n < architecture_.blocks; ++n) {
      Convolution conv = convolution("body." + std::to_string(n) + ".conv1", x);
      activate(conv, 0);
      Convolution second = convolution("body." + std::to_string(n) + ".conv2", add(std::move(conv)));
      second.residuals = {{x, 1}};
      x = add(std::move(second));
    }
    x = upsample_by_shuffle(x, "upconv", [](Convolution& conv, int) { activate(conv, msrresnet_slope); });
    Convolution hr = convolution("conv_hr", x);
    activate(hr, msrresnet_slope);
    graph_.output = add(convolution("conv_last", add(std::move(hr))));
    add_base(Upsampling::bilinear);
  }

  void srresnet() {
    graph_.input = new_buffer(architecture_.in_channels, 1);
    Convolution conv_first = convolution("conv_first", graph_.input);
    activate_prelu(conv_first, "act_first");
    const Slice first = add(std::move(conv_first));
    Slice x = first;
    for (int n = 0; n < architecture_.blocks; ++n) {
      const std::string block = "body." + std::to_string(n);
      Convolution conv = convolution(block + ".conv1", x);
      fold_batch_norm(conv, block + ".bn1");
      activate_prelu(conv, block + ".act");
      Convolution second = convolution(block + ".conv2", add(std::move(conv)));
      fold_batch_norm(second, block + ".bn2");
      second.residuals = {{x, 1}};
      x = add(std::move(second));
    }
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
  Slice upsample_by_shuffle(Slice x, const std::string& prefix, Activate activate_step) {
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
