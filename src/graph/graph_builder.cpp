#include "graph/graph_builder.h"

#include <esrgan/error.h>

#include <cmath>
#include <utility>

#include "base/limits.h"

namespace esrgan {
namespace {

constexpr double bn_epsilon = 1e-5;  // PyTorch's default

}  // namespace

const Tensor& GraphBuilder::tensor(const std::string& name) {
  used_.insert(name);
  return weights_.at(name);
}

std::vector<float> GraphBuilder::vector(const std::string& name, int count) {
  const Tensor& found = tensor(name);
  if (found.values.size() != static_cast<size_t>(count))
    throw Error(ErrorKind::bad_data, weights_.file, "length of tensor '" + name + "'", std::to_string(count),
                found.shape_text());
  return found.values;
}

ConvolutionTensors GraphBuilder::convolution_tensors(const std::string& name) {
  const Tensor& found = tensor(name + ".weight");
  const auto& shape = found.shape;
  const bool fits = shape.size() == 4 && shape[0] > 0 && shape[0] <= limits::channels && shape[1] > 0 &&
                    shape[1] <= limits::channels && shape[2] == shape[3] && shape[2] % 2 == 1 &&
                    shape[2] <= limits::kernel;
  if (!fits)
    throw Error(ErrorKind::bad_data, weights_.file, "shape of tensor '" + name + ".weight'",
                "[out, in, k, k] with k odd", found.shape_text());
  ConvolutionTensors result{static_cast<size_t>(shape[0]),
                            static_cast<size_t>(shape[1]),
                            static_cast<size_t>(shape[2]),
                            found.values,
                            {}};
  result.bias.assign(result.out, 0.0F);
  if (has(name + ".bias")) result.bias = vector(name + ".bias", static_cast<int>(result.out));
  return result;
}

Convolution GraphBuilder::convolution(const std::string& name, std::vector<MapId> inputs) {
  ConvolutionTensors tensors = convolution_tensors(name);
  int in_channels = 0;
  for (const MapId input : inputs) in_channels += channels(input);
  if (static_cast<int>(tensors.in) != in_channels)
    throw Error(ErrorKind::bad_data, weights_.file, "shape of tensor '" + name + ".weight'",
                "[out, " + std::to_string(in_channels) + ", k, k] with k odd",
                weights_.at(name + ".weight").shape_text());
  return convolution(name, std::move(inputs), std::move(tensors.weights), std::move(tensors.bias),
                     static_cast<int>(tensors.kernel));
}

Convolution GraphBuilder::convolution(const std::string& name, std::vector<MapId> inputs,
                                      std::vector<float> weights, std::vector<float> bias, int kernel) const {
  Convolution result;
  result.name = name;
  result.inputs = std::move(inputs);
  for (const MapId input : result.inputs) result.in_channels += channels(input);
  result.out_channels = static_cast<int>(bias.size());
  result.kernel = kernel;
  result.weights = std::move(weights);
  result.bias = std::move(bias);
  return result;
}

Convolution GraphBuilder::convolution(const std::string& name, MapId input) {
  return convolution(name, std::vector<MapId>{input});
}

// Output row 2y + p takes the input rows y + p - 1 and y + p by the kernel rows 3 - p and 1 - p.
Convolution GraphBuilder::transposed_convolution(const std::string& name, MapId input) {
  const Tensor& found = tensor(name + ".weight");
  const int in = channels(input);
  if (found.shape.size() != 4 || found.shape[0] != in || found.shape[1] <= 0 ||
      found.shape[1] > limits::channels / 4 || found.shape[2] != 4 || found.shape[3] != 4)
    throw Error(ErrorKind::bad_data, weights_.file, "shape of tensor '" + name + ".weight'",
                std::to_string(in) + "xNx4x4", found.shape_text());
  const auto ins = static_cast<size_t>(in), outs = static_cast<size_t>(found.shape[1]);
  const std::vector<float> bias = vector(name + ".bias", static_cast<int>(outs));
  std::vector<float> weights(4 * outs * ins * 9), biases(4 * outs);
  for (size_t deep = 0; deep < 4 * outs; ++deep) {
    const size_t out = deep / 4, py = deep / 2 % 2, px = deep % 2;
    biases[deep] = bias[out];
    for (size_t c = 0; c < ins; ++c)
      for (size_t ky = 0; ky < 2; ++ky)
        for (size_t kx = 0; kx < 2; ++kx)
          weights[((deep * ins + c) * 3 + py + ky) * 3 + px + kx] =
              found.values[((c * outs + out) * 4 + 3 - py - 2 * ky) * 4 + 3 - px - 2 * kx];
  }
  return convolution(name, {input}, std::move(weights), std::move(biases), 3);
}

void GraphBuilder::fold_batch_norm(Convolution& conv, const std::string& name) {
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

void GraphBuilder::activate(Convolution& conv, float slope) {
  conv.slope.assign(static_cast<size_t>(conv.out_channels), slope);
}

void GraphBuilder::activate_prelu(Convolution& conv, const std::string& name, int repeat) {
  const Tensor& found = tensor(name + ".weight");
  const size_t count = found.values.size(), outputs = static_cast<size_t>(conv.out_channels);
  if (count != 1 && count != outputs && count * static_cast<size_t>(repeat) != outputs)
    throw Error(ErrorKind::bad_data, weights_.file, "length of tensor '" + name + ".weight'",
                "1 or " + std::to_string(conv.out_channels / repeat), found.shape_text());
  conv.slope.resize(outputs);
  for (size_t c = 0; c < outputs; ++c) conv.slope[c] = found.values[c * count / outputs];
  conv.slope_name = name;
}

MapId GraphBuilder::new_map(int channels, int density) {
  if (channels > limits::channels || density > limits::scale)
    throw Error(ErrorKind::bad_data, weights_.file, "size of a map of the network",
                "at most " + std::to_string(limits::channels) + " channels, enlarged " +
                    std::to_string(limits::scale) + " times",
                std::to_string(channels) + " channels, enlarged " + std::to_string(density) + " times");
  graph_.maps.push_back({channels, density});
  return static_cast<MapId>(graph_.maps.size()) - 1;
}

MapId GraphBuilder::input(int channels, int density) {
  graph_.input = new_map(channels, density);
  return graph_.input;
}

void GraphBuilder::begin_stage() {
  graph_.stages.push_back(graph_.operations.size());
}

MapId GraphBuilder::add(Convolution conv) {
  for (const Residual& residual : conv.residuals)
    if (channels(residual.map) != conv.out_channels)
      throw Error(ErrorKind::bad_data, weights_.file,
                  "output channels of '" + conv.name + "', which are added to others",
                  std::to_string(channels(residual.map)), std::to_string(conv.out_channels));
  conv.out = new_map(conv.out_channels, graph_.map(conv.inputs[0]).density * conv.upsample);
  const MapId out = conv.out;
  graph_.operations.emplace_back(std::move(conv));
  return out;
}

MapId GraphBuilder::pixel_shuffle(MapId in, int factor) {
  const MapSpec deep = graph_.map(in);
  if (deep.channels % (factor * factor) != 0)
    throw Error(ErrorKind::bad_data, weights_.file, "channels before a pixel-shuffle",
                "a multiple of " + std::to_string(factor * factor), std::to_string(deep.channels));
  const MapId out = new_map(deep.channels / (factor * factor), deep.density * factor);
  graph_.operations.emplace_back(PixelShuffle{in, out, factor, false});
  return out;
}

MapId GraphBuilder::pixel_unshuffle(MapId in, int factor) {
  const MapSpec wide = graph_.map(in);
  const MapId out = new_map(wide.channels * factor * factor, wide.density / factor);
  graph_.operations.emplace_back(PixelShuffle{in, out, factor, true});
  return out;
}

MapId GraphBuilder::silu(MapId in) {
  const MapSpec spec = graph_.map(in);
  const MapId out = new_map(spec.channels, spec.density);
  graph_.operations.emplace_back(Silu{in, out});
  return out;
}

MapId GraphBuilder::symmetric_gate(MapId in, MapId residual) {
  const MapSpec spec = graph_.map(in);
  if (channels(residual) != spec.channels)
    throw Error(ErrorKind::bad_data, weights_.file, "channels of two maps that are added",
                std::to_string(spec.channels), std::to_string(channels(residual)));
  const MapId out = new_map(spec.channels, spec.density);
  graph_.operations.emplace_back(SymmetricGate{in, residual, out});
  return out;
}

MapId GraphBuilder::add_upsampled_input(MapId x, Upsampling mode) {
  const MapSpec spec = graph_.map(x), base = graph_.map(graph_.input);
  if (base.channels != spec.channels)
    throw Error(ErrorKind::bad_data, weights_.file, "output channels, to which the enlarged input is added",
                std::to_string(base.channels), std::to_string(spec.channels));
  const MapId out = new_map(spec.channels, spec.density);
  graph_.operations.emplace_back(AddUpsampled{x, graph_.input, out, spec.density / base.density, mode});
  return out;
}

Graph GraphBuilder::finish(MapId output) {
  graph_.output = output;
  if (part_ == GraphPart::frame) return std::move(graph_);
  for (const auto& [name, tensor] : weights_.tensors)
    if (!used_.contains(name))
      throw Error(ErrorKind::bad_data, weights_.file,
                  "the tensor '" + name + "' belongs to no layer of this network");
  return std::move(graph_);
}

}  // namespace esrgan
