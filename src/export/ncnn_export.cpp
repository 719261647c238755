#include "export/ncnn_export.h"

#include <cstring>
#include <map>
#include <utility>

#include "base/text.h"
#include "export/tensor_names.h"
#include "weights/ncnn.h"
#include "weights/stored_bytes.h"

namespace esrgan {
namespace {

struct Layer {
  std::string type, name;
  std::vector<std::string> inputs, outputs;
  std::string values;  // " 0=64 1=3"
};

/// Source of the layers' keys: https://github.com/Tencent/ncnn/wiki/operators
class NcnnExporter {
 public:
  NcnnExporter(const Model& model, const Graph& graph, bool half)
      : network_(model), graph_(graph), half_(half) {}

  NcnnFiles run() {
    names_.resize(graph_.maps.size());
    names_[static_cast<size_t>(graph_.input)] = "data";
    layers_.push_back({"Input", "data", {}, {"data"}, ""});
    for (const Operation& operation : graph_.operations) {
      const MapId out = output_of(operation);
      names_[static_cast<size_t>(out)] = out == graph_.output ? "output" : "map_" + std::to_string(out);
      std::visit([&](const auto& each) { add(each); }, operation);
    }
    add_lone_numbers();
    return {param_text(with_splits()), std::move(bin_)};
  }

 private:
  enum BinaryOp { sum = 0, product = 2 };

  const std::string& name_of(MapId map) const { return names_[static_cast<size_t>(map)]; }

  void add_layer(const std::string& type, std::vector<std::string> inputs, const std::string& output,
                 const std::string& values = "", const std::string& name = "") {
    layers_.push_back({type, name.empty() ? output : name, std::move(inputs), {output}, values});
  }

  void append(const void* data, size_t size) {
    const auto* bytes = static_cast<const uint8_t*>(data);
    bin_.insert(bin_.end(), bytes, bytes + size);
    bin_.resize((bin_.size() + 3) / 4 * 4);
  }

  void append_weights(const std::vector<float>& values) {
    const uint32_t tag = half_ ? ncnn_half_weights : 0;
    append(&tag, sizeof tag);
    const std::vector<uint8_t> bytes = stored_bytes(values, half_ ? ElementType::f16 : ElementType::f32);
    append(bytes.data(), bytes.size());
  }

  /// With a point or an exponent: ncnn takes other numbers for whole ones.
  static std::string number(float value) {
    std::string text = text_of(static_cast<double>(value), 9);
    if (text.find_first_of(".e") == std::string::npos) text += ".0";
    return text;
  }

  void add(const Convolution& conv) {
    const std::string out = name_of(conv.out);
    std::string x = name_of(conv.inputs.front());
    if (conv.inputs.size() > 1) {
      std::vector<std::string> parts;
      for (const MapId input : conv.inputs) parts.push_back(name_of(input));
      x = out + "_joined";
      add_layer("Concat", std::move(parts), x, " 0=0");
    }
    if (conv.upsample > 1) x = enlarged(x, out + "_enlarged", conv.upsample, Upsampling::nearest);
    const bool weighted = conv.scale != 1 || !conv.residuals.empty(), activated = !conv.slope.empty();
    std::string to = weighted || activated ? out + "_convolved" : out;
    const bool bias = !lacks_bias(conv, network_.weights);
    add_layer("Convolution", {x}, to,
              " 0=" + std::to_string(conv.out_channels) + " 1=" + std::to_string(conv.kernel) +
                  " 4=" + std::to_string(conv.kernel / 2) + (bias ? " 5=1" : "") +
                  " 6=" + std::to_string(conv.weights.size()),
              file_name_of(conv.name, network_.weights));
    append_weights(conv.weights);
    if (bias) append(conv.bias.data(), conv.bias.size() * sizeof(float));
    if (activated) {
      x = std::exchange(to, weighted ? out + "_activated" : out);
      activate(conv, x, to);
    }
    if (weighted) add_residuals(conv, to, out);
  }

  void activate(const Convolution& conv, const std::string& from, const std::string& to) {
    if (conv.slope_name.empty()) return add_layer("ReLU", {from}, to, " 0=" + number(conv.slope.front()));
    const std::vector<float>& learned = network_.weights.at(conv.slope_name + ".weight").values;
    const std::vector<float>& slopes = learned.size() == 1 ? learned : conv.slope;
    add_layer("PReLU", {from}, to, " 0=" + std::to_string(slopes.size()), conv.slope_name);
    append(slopes.data(), slopes.size() * sizeof(float));
  }

  void add_residuals(const Convolution& conv, const std::string& from, const std::string& to) {
    std::vector<std::string> parts{from};
    std::string factors = number(conv.scale);
    for (const Residual& residual : conv.residuals) {
      parts.push_back(name_of(residual.map));
      factors += "," + number(residual.scale);
    }
    const std::string count = std::to_string(parts.size());
    if (parts.size() == 1)
      add_layer("BinaryOp", std::move(parts), to, " 0=2 1=1 2=" + factors);
    else
      add_layer("Eltwise", std::move(parts), to, " 0=1 -23301=" + count + "," + factors);
  }

  std::string enlarged(const std::string& from, const std::string& to, int factor, Upsampling mode) {
    const std::string f = std::to_string(factor) + ".0";
    add_layer("Interp", {from}, to,
              std::string(" 0=") + (mode == Upsampling::nearest ? "1" : "2") + " 1=" + f + " 2=" + f);
    return to;
  }

  void add(const PixelShuffle& shuffle) {
    add_layer(shuffle.inverse ? "Reorg" : "PixelShuffle", {name_of(shuffle.in)}, name_of(shuffle.out),
              " 0=" + std::to_string(shuffle.factor));
  }

  void add(const AddUpsampled& addition) {
    const std::string out = name_of(addition.out);
    const std::string base = addition.factor == 1 ? name_of(addition.base)
                                                  : enlarged(name_of(addition.base), out + "_enlarged",
                                                             addition.factor, addition.mode);
    combine(sum, name_of(addition.in), base, out);
  }

  void combine(BinaryOp operation, const std::string& a, const std::string& b, const std::string& to) {
    add_layer("BinaryOp", {a, b}, to, " 0=" + std::to_string(operation));
  }

  void add(const Silu& silu) { add_layer("Swish", {name_of(silu.in)}, name_of(silu.out)); }

  void add(const SymmetricGate& gate) {
    const std::string out = name_of(gate.out);
    add_layer("Sigmoid", {name_of(gate.in)}, out + "_sigmoid");
    add_layer("BinaryOp", {out + "_sigmoid"}, out + "_gate", " 0=0 1=1 2=-0.5");
    combine(sum, name_of(gate.in), name_of(gate.residual), out + "_sum");
    combine(product, out + "_sum", out + "_gate", out);
  }

  /// What a file says in one number and the graph holds already (residual scales, marks): for those who read
  /// the weights back.
  void add_lone_numbers() {
    for (const std::string& name : network_.weights.lone_numbers()) {
      add_layer("MemoryData", {}, name, " 0=1");
      append(network_.weights.at(name).values.data(), sizeof(float));
    }
  }

  /// A blob is taken once: one that several layers take is split into as many.
  std::vector<Layer> with_splits() const {
    std::map<std::string, int> takers;
    for (const Layer& layer : layers_)
      for (const std::string& input : layer.inputs) ++takers[input];
    std::vector<Layer> result;
    std::map<std::string, int> taken;
    for (Layer layer : layers_) {
      for (std::string& input : layer.inputs)
        if (takers.at(input) > 1) input += "_" + std::to_string(taken[input]++);
      const std::string output = layer.outputs.front();
      result.push_back(std::move(layer));
      const int count = takers.contains(output) ? takers.at(output) : 0;
      if (count < 2) continue;
      Layer split{"Split", output + "_split", {output}, {}, ""};
      for (int i = 0; i < count; ++i) split.outputs.push_back(output + "_" + std::to_string(i));
      result.push_back(std::move(split));
    }
    return result;
  }

  static std::string param_text(const std::vector<Layer>& layers) {
    size_t blobs = 0;
    std::string lines;
    for (const Layer& layer : layers) {
      blobs += layer.outputs.size();
      lines += layer.type + " " + layer.name + " " + std::to_string(layer.inputs.size()) + " " +
               std::to_string(layer.outputs.size());
      for (const std::string& blob : layer.inputs) lines += " " + blob;
      for (const std::string& blob : layer.outputs) lines += " " + blob;
      lines += layer.values + "\n";
    }
    return std::string(ncnn_magic) + "\n" + std::to_string(layers.size()) + " " + std::to_string(blobs) +
           "\n" + lines;
  }

  const Model& network_;
  const Graph& graph_;
  bool half_;
  std::vector<Layer> layers_;
  std::vector<std::string> names_;  // of the graph's maps
  std::vector<uint8_t> bin_;
};

}  // namespace

NcnnFiles export_ncnn(const Model& model, bool half) {
  const Graph graph = build_graph(model);
  return NcnnExporter(model, graph, half).run();
}

}  // namespace esrgan
