#include "model/families/ncnn_layers.h"

#include <esrgan/error.h>

#include <algorithm>
#include <cmath>

namespace esrgan {
namespace {

constexpr int leaky_relu = 2;  // activation type of a convolution

bool is_about(double value, double expected) {
  return std::abs(value - expected) < 1e-4;
}

bool is_among(double value, const std::vector<float>& known) {
  return std::any_of(known.begin(), known.end(),
                     [&](float slope) { return is_about(value, static_cast<double>(slope)); });
}

}  // namespace

int LayerCounts::of(std::string_view type) const {
  return static_cast<int>(std::count_if(layers_.begin(), layers_.end(),
                                        [&](const OrderedLayer& layer) { return layer.type == type; }));
}

// Source of the keys: https://github.com/Tencent/ncnn/wiki/operators
void check_ncnn_layers(const StateDict& weights, const NcnnChecks& checks,
                       std::initializer_list<std::string_view> types) {
  for (const OrderedLayer& layer : weights.layers) {
    const auto refuse = [&](const std::string& what, const std::string& expected) {
      throw Error(ErrorKind::bad_data, weights.file, what + " of layer '" + layer.name + "'", expected);
    };
    if (layer.type == "Input") continue;
    if (std::find(types.begin(), types.end(), layer.type) == types.end())
      refuse("type (" + layer.type + ")", "one that this network has");
    if (layer.type == "Convolution") {
      const bool fits = layer.integer(9, 0) == 0 || (layer.integer(9, 0) == leaky_relu &&
                                                     is_among(layer.number(10, 0), checks.fused_slopes));
      if (!fits) refuse("activation", "none, or this network's LeakyReLU");
    }
    if (layer.type == "Eltwise") {
      const auto coefficients = layer.values.find(1);
      const bool fits = coefficients != layer.values.end() && coefficients->second.size() == 2 &&
                        is_about(coefficients->second[0], 0.2) && is_about(coefficients->second[1], 1);
      if (!fits) refuse("residual scale", "0.2 and 1");
    }
    if (layer.type == "BinaryOp" && layer.integer(0, 0) != 0) refuse("operation", "an addition");
    if (layer.type == "Interp" && layer.integer(0, 0) != 1) refuse("interpolation", "nearest");
    if (layer.type == "ReLU" && !is_among(layer.number(0, 0), checks.slopes))
      refuse("slope", "this network's LeakyReLU");
  }
}

Renamer ncnn_renamer(const StateDict& weights, const std::function<std::string()>& next_name) {
  std::map<std::string, std::string> names;
  for (size_t i = 0; i < weights.layers.size(); ++i)
    if (weights.contains(std::to_string(i) + ".weight")) names[std::to_string(i)] = next_name();
  return [names = std::move(names)](std::string_view tensor) -> std::optional<std::string> {
    const size_t dot = tensor.find('.');
    const auto found = names.find(std::string(tensor.substr(0, dot)));
    if (found == names.end() || dot == std::string_view::npos) return std::nullopt;
    return found->second + std::string(tensor.substr(dot));
  };
}

}  // namespace esrgan
