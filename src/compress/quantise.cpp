#include "compress/quantise.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <utility>
#include <vector>

#include "weights/state_dict.h"

namespace esrgan {
namespace {

using onnx::Node;
using onnx::Type;

template <typename Number>
onnx::Tensor tensor_of(const std::string& name, Type type, std::vector<int64_t> shape,
                       const std::vector<Number>& values) {
  onnx::Tensor tensor{name, type, std::move(shape), std::vector<uint8_t>(values.size() * sizeof(Number))};
  std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
  return tensor;
}

class Quantiser {
 public:
  Quantiser(onnx::Model model, const QuantisedRanges& ranges) : model_(std::move(model)), ranges_(ranges) {}

  onnx::Model run() {
    std::vector<Node> before;
    before.swap(model_.nodes);
    for (Node& node : before) {
      const std::string name = convolution_name(node);
      if (const auto range = ranges_.find(name); !name.empty() && range != ranges_.end()) {
        const std::string made = node.outputs[0], base = made_up_name + made;
        node.inputs[0] = rounded(node.inputs[0], base + "/input", range->second.taken);
        node.inputs[1] = quantised_weights(node.inputs[1]);
        node.outputs[0] = base + "/made";
        model_.nodes.push_back(std::move(node));
        add_rounding(base + "/made", base + "/output", range->second.made, made);
        continue;
      }
      model_.nodes.push_back(std::move(node));
    }
    std::erase_if(model_.initializers,
                  [&](const onnx::Tensor& tensor) { return replaced_.contains(tensor.name); });
    return std::move(model_);
  }

 private:
  static std::string convolution_name(const Node& node) {
    constexpr std::string_view end = ".weight";
    if (node.type != "Conv" || node.inputs.size() < 2 || !node.inputs[1].ends_with(end)) return "";
    return node.inputs[1].substr(0, node.inputs[1].size() - end.size());
  }

  void add(const std::string& type, std::vector<std::string> inputs, const std::string& output,
           std::map<std::string, onnx::Value> attributes = {}) {
    model_.nodes.push_back({type, output + "/" + type, std::move(inputs), {output}, std::move(attributes)});
  }

  std::string rounded(const std::string& values, const std::string& base, const QuantisedRange& range) {
    add_rounding(values, base, range, base + "_dequantised");
    return base + "_dequantised";
  }

  /// Makes `result` of `values`: no more than 256 levels. `base` begins the names of what that needs.
  void add_rounding(const std::string& values, const std::string& base, const QuantisedRange& range,
                    const std::string& result) {
    const std::string scale = base + "_scale", zero = base + "_zero";
    model_.initializers.push_back(tensor_of<float>(scale, Type::f32, {}, {range.step()}));
    model_.initializers.push_back(
        tensor_of<uint8_t>(zero, Type::u8, {}, {static_cast<uint8_t>(range.zero())}));
    add("QuantizeLinear", {values, scale, zero}, base + "_levels");
    add("DequantizeLinear", {base + "_levels", scale, zero}, result);
  }

  std::string quantised_weights(const std::string& name) {
    const onnx::Tensor& floats =
        *std::find_if(model_.initializers.begin(), model_.initializers.end(),
                      [&](const onnx::Tensor& tensor) { return tensor.name == name; });
    const auto outs = static_cast<size_t>(floats.shape.at(0));
    const std::vector<int64_t> shape = floats.shape;
    std::vector<float> values(floats.bytes.size() / sizeof(float)), scales(outs);
    std::memcpy(values.data(), floats.bytes.data(), floats.bytes.size());
    std::vector<int8_t> levels(values.size());
    const size_t row = values.size() / outs;
    for (size_t out = 0; out < outs; ++out) {
      float largest = 0;
      for (size_t i = out * row; i < (out + 1) * row; ++i) largest = std::max(largest, std::abs(values[i]));
      scales[out] = largest > 0 ? largest / weight_levels : 1;
      for (size_t i = out * row; i < (out + 1) * row; ++i)
        levels[i] = static_cast<int8_t>(std::lrint(values[i] / scales[out]));
    }
    replaced_.insert(name);
    const std::string base = made_up_name + name, scale = base + "_scale", zero = base + "_zero";
    const auto count = static_cast<int64_t>(outs);
    model_.initializers.push_back(tensor_of(base + "_levels", Type::i8, shape, levels));
    model_.initializers.push_back(tensor_of(scale, Type::f32, {count}, scales));
    model_.initializers.push_back(tensor_of(zero, Type::i8, {count}, std::vector<int8_t>(outs)));
    add("DequantizeLinear", {base + "_levels", scale, zero}, base + "_dequantised", {{"axis", int64_t{0}}});
    return base + "_dequantised";
  }

  onnx::Model model_;
  const QuantisedRanges& ranges_;
  std::set<std::string> replaced_;
};

}  // namespace

float QuantisedRange::step() const {
  return high > low ? (high - low) / 255 : 1;
}

int QuantisedRange::zero() const {
  return static_cast<int>(std::clamp(std::lrint(-low / step()), 0L, 255L));
}

onnx::Model quantised(onnx::Model model, const QuantisedRanges& ranges) {
  return Quantiser(std::move(model), ranges).run();
}

}  // namespace esrgan
