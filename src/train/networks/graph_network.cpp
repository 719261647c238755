#include "train/networks/graph_network.h"

#include <memory>
#include <utility>
#include <vector>

#include "train/networks/convolution.h"

namespace esrgan::train {
namespace {

using torch::Tensor;
namespace nn = torch::nn;

/// The module within `root` that a dotted path leads to, and what it is called there; those on the way are
/// made.
std::pair<nn::Module*, std::string> place_of(nn::Module& root, const std::string& path) {
  nn::Module* module = &root;
  std::string rest = path;
  for (size_t dot = rest.find('.'); dot != std::string::npos; dot = rest.find('.')) {
    const std::string name = rest.substr(0, dot);
    rest = rest.substr(dot + 1);
    const auto children = module->named_children();
    const auto* found = children.find(name);
    module =
        found != nullptr ? found->get() : module->register_module(name, std::make_shared<nn::Module>()).get();
  }
  return {module, rest};
}

Tensor shaped(const std::vector<float>& values, std::vector<int64_t> shape) {
  return torch::tensor(values).view(shape);
}

}  // namespace

GraphNetwork::GraphNetwork(const Model& model) : graph_(build_graph(model)) {
  for (const Operation& operation : graph_.operations)
    if (const auto* conv = std::get_if<Convolution>(&operation)) add_layer(*conv, model.weights);
  for (const std::string& name : model.weights.lone_numbers()) {  // residual scales, which the graph holds
    const auto [module, last] = place_of(*this, name);
    module->register_buffer(last, shaped(model.weights.at(name).values, {1}));
  }
}

void GraphNetwork::add_layer(const Convolution& conv, const StateDict& weights) {
  const auto learned = [&](const std::string& name, const Tensor& values) {
    const auto [module, last] = place_of(*this, name);
    return module->register_parameter(last, values);
  };
  Parts parts{shaped(conv.weights, {conv.out_channels, conv.in_channels, conv.kernel, conv.kernel}),
              shaped(conv.bias, {conv.out_channels}),
              {}};
  if (weights.has_layer(conv.name)) {
    parts.weight = learned(conv.name + ".weight", parts.weight);
    parts.bias = learned(conv.name + ".bias", parts.bias);
  }
  if (!conv.slope_name.empty()) {
    const std::vector<float>& slopes = weights.at(conv.slope_name + ".weight").values;
    parts.slopes =
        learned(conv.slope_name + ".weight", shaped(slopes, {static_cast<int64_t>(slopes.size())}));
  }
  layers_.emplace(conv.out, std::move(parts));
}

Tensor GraphNetwork::run(Tensor x, Features* features) {
  Maps maps;
  maps[graph_.input] = std::move(x);
  for (const Operation& operation : graph_.operations)
    maps[output_of(operation)] =
        std::visit([&](const auto& each) { return result_of(each, maps, features); }, operation);
  return maps.at(graph_.output);
}

Tensor GraphNetwork::result_of(const Convolution& conv, const Maps& maps, Features* features) {
  const Parts& parts = layers_.at(conv.out);
  std::vector<Tensor> inputs;
  for (const MapId input : conv.inputs) inputs.push_back(maps.at(input));
  Tensor x = inputs.size() == 1 ? inputs.front() : torch::cat(inputs, 1);
  if (conv.upsample > 1) x = repeated(x, conv.upsample);
  x = taken(conv, x);
  const double slope =
      conv.slope.empty() || parts.slopes.defined() ? 1 : static_cast<double>(conv.slope.front());
  // What is not learned is no parameter, and stays where it was made.
  const Tensor weights = weights_of(conv, parts.weight.to(x.device())), bias = parts.bias.to(x.device());
  if (looks_at_results()) {
    x = made(conv, convolve(x, weights, bias, 1));
    if (slope != 1) x = leaky(x, slope);
  } else {
    x = convolve(x, weights, bias, slope);
  }
  if (parts.slopes.defined()) {
    const int64_t count = parts.slopes.numel();
    x = channel_prelu(x,
                      count == 1 ? parts.slopes : parts.slopes.repeat_interleave(conv.out_channels / count));
  }
  if (conv.scale != 1) x = x * static_cast<double>(conv.scale);
  for (const Residual& residual : conv.residuals)
    x = torch::add(x, maps.at(residual.map), static_cast<double>(residual.scale));
  keep(features, conv.name, x);
  return x;
}

Tensor GraphNetwork::result_of(const PixelShuffle& shuffle, const Maps& maps, Features* /*features*/) {
  const Tensor& x = maps.at(shuffle.in);
  return shuffle.inverse ? torch::pixel_unshuffle(x, shuffle.factor)
                         : torch::pixel_shuffle(x, shuffle.factor);
}

Tensor GraphNetwork::result_of(const AddUpsampled& sum, const Maps& maps, Features* /*features*/) {
  const Tensor& base = maps.at(sum.base);
  if (sum.factor == 1) return maps.at(sum.in) + base;
  return maps.at(sum.in) +
         (sum.mode == Upsampling::nearest ? repeated(base, sum.factor) : bilinear(base, sum.factor));
}

Tensor GraphNetwork::result_of(const Silu& operation, const Maps& maps, Features* /*features*/) {
  return train::silu(maps.at(operation.in));
}

Tensor GraphNetwork::result_of(const SymmetricGate& gate, const Maps& maps, Features* /*features*/) {
  return symmetric_gate(maps.at(gate.in), maps.at(gate.residual));
}

}  // namespace esrgan::train
