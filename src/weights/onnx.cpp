#include "weights/onnx.h"

#include <esrgan/error.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/limits.h"
#include "weights/onnx_file.h"

namespace esrgan {
namespace {

std::optional<ElementType> element_type(onnx::Type type) {
  switch (type) {
    case onnx::Type::f32:
      return ElementType::f32;
    case onnx::Type::f16:
      return ElementType::f16;
    case onnx::Type::f64:
      return ElementType::f64;
    case onnx::Type::bf16:
      return ElementType::bf16;
    default:
      return std::nullopt;
  }
}

Tensor converted(const onnx::Tensor& from, ElementType type, const std::string& file) {
  const auto count = element_count(from.shape);
  if (!count || from.bytes.size() / size_of(type) != *count || from.bytes.size() % size_of(type) != 0)
    throw Error(ErrorKind::bad_data, file, "length of tensor '" + from.name + "'",
                "as many bytes as its shape says", std::to_string(from.bytes.size()));
  return {from.shape, to_float(type, from.bytes, *count), type};
}

float number_in(const std::string& text, const std::string& file) {
  float number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size())
    throw Error(ErrorKind::bad_data, file, "a number among the text pairs", "a number", "'" + text + "'");
  return number;
}

/// Names that exporters make up where they lost the true one: "onnx::Conv_123", "/body/Constant_output_0",
/// "123".
bool is_made_up(const std::string& name) {
  return name.starts_with(made_up_name) || name.starts_with("onnx::") || name.starts_with("/") ||
         name.find_first_not_of("0123456789") == std::string::npos;
}

void check_convolutions(const onnx::Model& model, const std::set<std::string>& floats,
                        const std::string& file) {
  for (const onnx::Node& node : model.nodes) {
    if (node.type != "Conv" && node.type != "ConvTranspose") continue;
    const std::string weights = node.inputs.size() > 1 ? node.inputs[1] : "";
    if (!floats.contains(weights))
      throw Error(ErrorKind::unsupported, file, "the weights of '" + node.name + "'",
                  "floats within the file", "quantised or computed ones");
    if (is_made_up(weights) && !weights.starts_with(made_up_name))
      throw Error(ErrorKind::unsupported, file,
                  "its weights have lost their names (the exporter folded or renamed them)",
                  "names such as conv_first.weight", "'" + weights + "'");
  }
}

/// The factors by which what a convolution takes was folded, by the names of its weights.
std::map<std::string, size_t> folded_inputs(const onnx::Model& model, const std::string& file) {
  std::map<std::string, size_t> made, found;
  for (const onnx::Node& node : model.nodes) {
    if (node.type == "SpaceToDepth" && node.outputs.size() == 1) {
      const int64_t factor = node.integer("blocksize", 0);
      if (factor < 1 || factor > limits::scale)
        throw Error(ErrorKind::bad_data, file, "blocksize of '" + node.name + "'",
                    "1 to " + std::to_string(limits::scale), std::to_string(factor));
      made[node.outputs[0]] = static_cast<size_t>(factor);
    }
    if (node.type == "Conv" && node.inputs.size() > 1 && made.contains(node.inputs[0]))
      found[node.inputs[1]] = made.at(node.inputs[0]);
  }
  return found;
}

void restore_order(Tensor& weights, size_t factor, const std::string& name, const std::string& file) {
  if (weights.shape.size() != 4 || weights.shape[1] < 1 ||
      static_cast<size_t>(weights.shape[1]) % (factor * factor) != 0)
    throw Error(ErrorKind::bad_data, file, "shape of tensor '" + name + "'",
                "as many inputs as SpaceToDepth gives", weights.shape_text());
  weights.values = reordered_inputs(weights.values, static_cast<size_t>(weights.shape[1]),
                                    static_cast<size_t>(weights.shape[2] * weights.shape[3]), factor, false);
}

}  // namespace

std::vector<float> reordered_inputs(const std::vector<float>& weights, size_t inputs, size_t kernel,
                                    size_t factor, bool to_onnx) {
  std::vector<float> result(weights.size());
  const size_t places = factor * factor, channels = inputs / places, row = inputs * kernel;
  for (size_t out = 0; out < weights.size(); out += row)
    for (size_t c = 0; c < channels; ++c)
      for (size_t place = 0; place < places; ++place) {
        const size_t ours = out + (c * places + place) * kernel,
                     theirs = out + (place * channels + c) * kernel;
        std::copy_n(weights.begin() + static_cast<std::ptrdiff_t>(to_onnx ? ours : theirs), kernel,
                    result.begin() + static_cast<std::ptrdiff_t>(to_onnx ? theirs : ours));
      }
  return result;
}

StateDict read_onnx(std::span<const uint8_t> bytes, const std::string& file, const Selector& select) {
  onnx::Model model = onnx::read(bytes, file);
  for (onnx::Node& node : model.nodes)  // some exporters write weights so
    if (const auto value = node.attributes.find("value");
        node.type == "Constant" && node.outputs.size() == 1 && value != node.attributes.end())
      if (auto* tensor = std::get_if<onnx::Tensor>(&value->second)) {
        tensor->name = node.outputs[0];
        model.initializers.push_back(std::move(*tensor));
      }
  std::set<std::string> slopes, floats;
  for (const onnx::Node& node : model.nodes)
    if (node.type == "PRelu" && node.inputs.size() == 2) slopes.insert(node.inputs[1]);
  std::vector<std::string> names;
  for (const onnx::Tensor& tensor : model.initializers)
    if (element_type(tensor.type)) {
      floats.insert(tensor.name);
      if (!is_made_up(tensor.name)) names.push_back(tensor.name);
    }
  std::map<std::string, float> numbers;
  std::erase_if(model.metadata, [&](const auto& entry) {
    if (!entry.first.starts_with(onnx_number)) return false;
    const std::string name = entry.first.substr(std::string_view(onnx_number).size());
    numbers[name] = number_in(entry.second, file);
    names.push_back(name);
    return true;
  });
  check_convolutions(model, floats, file);
  const std::map<std::string, size_t> folded = folded_inputs(model, file);
  Selection selection = select(names);
  StateDict dict{file, "ONNX", {}, std::move(model.metadata), std::move(selection.remarks)};
  for (const onnx::Tensor& tensor : model.initializers) {
    const auto wanted = selection.tensors.find(tensor.name);
    const auto type = element_type(tensor.type);
    if (wanted == selection.tensors.end() || !type) continue;
    Tensor found = converted(tensor, *type, file);
    if (const auto factor = folded.find(tensor.name); factor != folded.end())
      restore_order(found, factor->second, tensor.name, file);
    if (slopes.contains(tensor.name)) found.shape = {static_cast<int64_t>(found.values.size())};
    dict.add(wanted->second, std::move(found));
  }
  for (const auto& [name, number] : numbers)
    if (const auto wanted = selection.tensors.find(name); wanted != selection.tensors.end())
      dict.add(wanted->second, {{1}, {number}, ElementType::f32});
  return dict;
}

std::map<std::string, std::string> read_onnx_metadata(std::span<const uint8_t> bytes,
                                                      const std::string& file) {
  return onnx::read(bytes, file).metadata;
}

}  // namespace esrgan
