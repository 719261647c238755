#include "export/onnx_export.h"

#include <esrgan/version.h>

#include <array>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/text.h"
#include "export/tensor_names.h"
#include "model/family.h"
#include "weights/onnx.h"
#include "weights/onnx_file.h"
#include "weights/stored_bytes.h"

namespace esrgan {
namespace {

class OnnxExporter {
 public:
  OnnxExporter(const Model& model, const Graph& graph, const OnnxOptions& options)
      : network_(model), graph_(graph), options_(options) {}

  onnx::Model run() {
    model_.producer = "esrgan";
    model_.producer_version = ESRGAN_VERSION;
    model_.graph_name = network_.architecture.family->name;
    const bool casts = options_.half && !options_.half_ports;
    const onnx::Type port = options_.half_ports ? onnx::Type::f16 : onnx::Type::f32;
    model_.inputs = {{"input", port, {"batch", channels_of(graph_.input), "height", "width"}}};
    model_.outputs = {{"output", port, {"batch", channels_of(graph_.output), "out_height", "out_width"}}};
    const std::string first = casts ? "input_half" : "input", last = casts ? "output_half" : "output";
    names_.resize(graph_.maps.size());
    names_[static_cast<size_t>(graph_.input)] = first;
    if (casts) cast("input", first, onnx::Type::f16);
    for (const Operation& operation : graph_.operations) {
      const MapId out = output_of(operation);
      names_[static_cast<size_t>(out)] = out == graph_.output ? last : "map_" + std::to_string(out);
      std::visit([&](const auto& each) { add(each); }, operation);
    }
    if (casts) cast(last, "output", onnx::Type::f32);
    describe();
    return std::move(model_);
  }

 private:
  const std::string& name_of(MapId map) const { return names_[static_cast<size_t>(map)]; }
  std::string channels_of(MapId map) const { return std::to_string(graph_.map(map).channels); }

  // ---- tensors ----

  void add_tensor(const std::string& name, std::vector<int64_t> shape, const std::vector<float>& values) {
    if (!tensors_.insert(name).second) return;
    model_.initializers.push_back(
        {name, options_.half ? onnx::Type::f16 : onnx::Type::f32, std::move(shape),
         stored_bytes(values, options_.half ? ElementType::f16 : ElementType::f32)});
  }

  /// One number of the type that is computed with.
  std::string number(float value) {
    std::string name = made_up_name + ("number_" + text_of(static_cast<double>(value), 9));
    add_tensor(name, {1}, {value});
    return name;
  }

  /// A factor for each axis; always float32.
  std::string factors(int factor) {
    std::string name = made_up_name + ("enlarge_" + std::to_string(factor));
    const std::array<float, 4> values{1, 1, static_cast<float>(factor), static_cast<float>(factor)};
    if (tensors_.insert(name).second) {
      onnx::Tensor tensor{name, onnx::Type::f32, {4}, std::vector<uint8_t>(sizeof values)};
      std::memcpy(tensor.bytes.data(), values.data(), sizeof values);
      model_.initializers.push_back(std::move(tensor));
    }
    return name;
  }

  // ---- nodes ----

  void add_node(const std::string& type, std::vector<std::string> inputs, const std::string& output,
                std::map<std::string, onnx::Value> attributes = {}) {
    model_.nodes.push_back({type, output + "/" + type, std::move(inputs), {output}, std::move(attributes)});
  }

  void cast(const std::string& from, const std::string& to, onnx::Type type) {
    add_node("Cast", {from}, to, {{"to", static_cast<int64_t>(type)}});
  }

  std::string enlarged(const std::string& from, const std::string& to, int factor, Upsampling mode) {
    const bool nearest = mode == Upsampling::nearest;
    std::map<std::string, onnx::Value> how{
        {"mode", std::string(nearest ? "nearest" : "linear")},
        {"coordinate_transformation_mode", std::string(nearest ? "asymmetric" : "half_pixel")}};
    if (nearest) how["nearest_mode"] = std::string("floor");
    add_node("Resize", {from, "", factors(factor)}, to, std::move(how));
    return to;
  }

  void add(const Convolution& conv) {
    const std::string out = name_of(conv.out);
    std::string x = name_of(conv.inputs.front());
    if (conv.inputs.size() > 1) {
      std::vector<std::string> parts;
      for (const MapId input : conv.inputs) parts.push_back(name_of(input));
      x = out + "/joined";
      add_node("Concat", std::move(parts), x, {{"axis", int64_t{1}}});
    }
    if (conv.upsample > 1) x = enlarged(x, out + "/enlarged", conv.upsample, Upsampling::nearest);
    // Each step takes what the last one made; the last of them makes the operation's output.
    size_t left = 1 + (conv.slope.empty() ? 0 : 1) + (conv.scale == 1 ? 0 : 1) + conv.residuals.size();
    const auto step = [&](const auto& add_step) {
      const std::string to = --left == 0 ? out : out + "/" + std::to_string(left);
      add_step(to);
      x = to;
    };
    step([&](const std::string& to) { convolve(conv, x, to); });
    if (!conv.slope.empty()) step([&](const std::string& to) { activate(conv, x, to); });
    if (conv.scale != 1) step([&](const std::string& to) { add_node("Mul", {x, number(conv.scale)}, to); });
    for (const Residual& residual : conv.residuals) {
      std::string other = name_of(residual.map);
      if (residual.scale != 1) {
        const std::string scaled = out + "/residual_" + std::to_string(left);
        add_node("Mul", {other, number(residual.scale)}, scaled);
        other = scaled;
      }
      step([&](const std::string& to) { add_node("Add", {x, other}, to); });
    }
  }

  void convolve(const Convolution& conv, const std::string& from, const std::string& to) {
    const std::string name = file_name_of(conv.name, network_.weights);
    const auto kernel = static_cast<int64_t>(conv.kernel), pad = kernel / 2;
    add_tensor(name + ".weight", {conv.out_channels, conv.in_channels, kernel, kernel}, weights_of(conv));
    std::vector<std::string> inputs{from, name + ".weight"};
    if (!lacks_bias(conv, network_.weights)) {
      add_tensor(name + ".bias", {conv.out_channels}, conv.bias);
      inputs.push_back(name + ".bias");
    }
    add_node("Conv", std::move(inputs), to,
             {{"kernel_shape", std::vector<int64_t>{kernel, kernel}},
              {"pads", std::vector<int64_t>{pad, pad, pad, pad}}});
  }

  void activate(const Convolution& conv, const std::string& from, const std::string& to) {
    if (!conv.slope_name.empty()) {
      const std::string name = conv.slope_name + ".weight";
      const std::vector<float>& learned = network_.weights.at(name).values;
      if (learned.size() == 1)
        add_tensor(name, {1}, learned);
      else
        add_tensor(name, {conv.out_channels, 1, 1}, conv.slope);
      add_node("PRelu", {from, name}, to);
    } else if (conv.slope.front() == 0) {
      add_node("Relu", {from}, to);
    } else {
      add_node("LeakyRelu", {from}, to, {{"alpha", conv.slope.front()}});
    }
  }

  // SpaceToDepth orders its channels by (dy, dx, c), pixel-unshuffle by (c, dy, dx): the convolution behind
  // it takes them so.
  void add(const PixelShuffle& shuffle) {
    const auto factor = static_cast<int64_t>(shuffle.factor);
    if (!shuffle.inverse)
      return add_node("DepthToSpace", {name_of(shuffle.in)}, name_of(shuffle.out),
                      {{"blocksize", factor}, {"mode", std::string("CRD")}});
    add_node("SpaceToDepth", {name_of(shuffle.in)}, name_of(shuffle.out), {{"blocksize", factor}});
    folded_[shuffle.out] = shuffle.factor;
  }

  /// The weights for an input whose channels SpaceToDepth has ordered.
  std::vector<float> weights_of(const Convolution& conv) const {
    const auto folded = folded_.find(conv.inputs.front());
    if (folded == folded_.end() || conv.inputs.size() > 1) return conv.weights;
    return reordered_inputs(conv.weights, static_cast<size_t>(conv.in_channels),
                            static_cast<size_t>(conv.kernel * conv.kernel),
                            static_cast<size_t>(folded->second), true);
  }

  void add(const AddUpsampled& sum) {
    const std::string out = name_of(sum.out);
    const std::string base = sum.factor == 1
                                 ? name_of(sum.base)
                                 : enlarged(name_of(sum.base), out + "/enlarged", sum.factor, sum.mode);
    add_node("Add", {name_of(sum.in), base}, out);
  }

  void add(const Silu& silu) {
    const std::string out = name_of(silu.out);
    add_node("Sigmoid", {name_of(silu.in)}, out + "/sigmoid");
    add_node("Mul", {name_of(silu.in), out + "/sigmoid"}, out);
  }

  void add(const SymmetricGate& gate) {
    const std::string out = name_of(gate.out);
    add_node("Sigmoid", {name_of(gate.in)}, out + "/sigmoid");
    add_node("Sub", {out + "/sigmoid", number(0.5F)}, out + "/gate");
    add_node("Add", {name_of(gate.in), name_of(gate.residual)}, out + "/sum");
    add_node("Mul", {out + "/sum", out + "/gate"}, out);
  }

  void describe() {
    for (const auto& [key, value] : network_.weights.metadata) model_.metadata[key] = value;
    for (const std::string& name : network_.weights.lone_numbers())
      model_.metadata[onnx_number + name] =
          exact_text_of(static_cast<double>(network_.weights.at(name).values.front()));
    model_.metadata["esrgan.network"] = network_.architecture.summary();
    model_.metadata["esrgan.scale"] = std::to_string(network_.architecture.scale);
    model_.metadata["esrgan.multiple"] = std::to_string(graph_.input_density());
    model_.metadata["esrgan.range"] = "0 to 1, red green blue";
  }

  const Model& network_;
  const Graph& graph_;
  OnnxOptions options_;
  onnx::Model model_;
  std::vector<std::string> names_;  // of the graph's maps
  std::set<std::string> tensors_;
  std::map<MapId, int> folded_;  // what SpaceToDepth made, by its factor
};

}  // namespace

onnx::Model onnx_model(const Model& model, const OnnxOptions& options) {
  const Graph graph = build_graph(model);
  return OnnxExporter(model, graph, options).run();
}

std::vector<uint8_t> export_onnx(const Model& model, const OnnxOptions& options) {
  return onnx::write(onnx_model(model, options));
}

}  // namespace esrgan
