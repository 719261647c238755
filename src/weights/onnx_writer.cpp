#include <charconv>
#include <cstring>
#include <string_view>

#include "weights/onnx_file.h"
#include "weights/onnx_wire.h"

namespace esrgan::onnx {
namespace {

/// One message: fields one after the other.
class Message {
 public:
  void integer(uint32_t field, int64_t value) {
    tag(field, Wire::varint);
    varint(static_cast<uint64_t>(value));
  }
  void real(uint32_t field, float value) {
    tag(field, Wire::fixed32);
    append(&value, sizeof value);
  }
  void text(uint32_t field, std::string_view value) { block(field, value.data(), value.size()); }
  void block(uint32_t field, const void* data, size_t size) {
    tag(field, Wire::bytes);
    varint(size);
    append(data, size);
  }
  void message(uint32_t field, const Message& inner) {
    block(field, inner.bytes_.data(), inner.bytes_.size());
  }
  void integers(uint32_t field, const std::vector<int64_t>& values) {
    for (const int64_t value : values) integer(field, value);
  }
  std::vector<uint8_t> take() { return std::move(bytes_); }

 private:
  void tag(uint32_t field, Wire wire) { varint(field << 3U | static_cast<uint32_t>(wire)); }
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7U) bytes_.push_back(static_cast<uint8_t>(value | 0x80U));
    bytes_.push_back(static_cast<uint8_t>(value));
  }
  void append(const void* data, size_t size) {
    const auto* begin = static_cast<const uint8_t*>(data);
    bytes_.insert(bytes_.end(), begin, begin + size);
  }

  std::vector<uint8_t> bytes_;
};

Message message_of(const Tensor& tensor) {
  Message result;
  result.integers(1, tensor.shape);
  result.integer(2, static_cast<int64_t>(tensor.type));
  if (!tensor.name.empty()) result.text(8, tensor.name);
  result.block(9, tensor.bytes.data(), tensor.bytes.size());
  return result;
}

Message message_of(const std::string& name, const Value& value) {
  Message result;
  result.text(1, name);
  Kind kind = Kind::integer;
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    result.integer(3, *integer);
  } else if (const auto* real = std::get_if<float>(&value)) {
    result.real(2, *real);
    kind = Kind::real;
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    result.text(4, *text);
    kind = Kind::text;
  } else if (const auto* tensor = std::get_if<Tensor>(&value)) {
    result.message(5, message_of(*tensor));
    kind = Kind::tensor;
  } else if (const auto* reals = std::get_if<std::vector<float>>(&value)) {
    for (const float each : *reals) result.real(7, each);
    kind = Kind::reals;
  } else {
    result.integers(8, std::get<std::vector<int64_t>>(value));
    kind = Kind::integers;
  }
  result.integer(20, static_cast<int64_t>(kind));
  return result;
}

Message message_of(const Node& node) {
  Message result;
  for (const std::string& input : node.inputs) result.text(1, input);
  for (const std::string& output : node.outputs) result.text(2, output);
  result.text(3, node.name);
  result.text(4, node.type);
  for (const auto& [name, value] : node.attributes) result.message(5, message_of(name, value));
  return result;
}

Message message_of(const Port& port) {
  Message shape;
  for (const std::string& dimension : port.dimensions) {
    Message each;
    int64_t extent = 0;
    const auto [end, failure] =
        std::from_chars(dimension.data(), dimension.data() + dimension.size(), extent);
    if (failure == std::errc{} && end == dimension.data() + dimension.size())
      each.integer(1, extent);
    else
      each.text(2, dimension);
    shape.message(1, each);
  }
  Message tensor, type, result;
  tensor.integer(1, static_cast<int64_t>(port.type));
  tensor.message(2, shape);
  type.message(1, tensor);
  result.text(1, port.name);
  result.message(2, type);
  return result;
}

}  // namespace

std::vector<uint8_t> write(const Model& model) {
  Message graph;
  for (const Node& node : model.nodes) graph.message(1, message_of(node));
  graph.text(2, model.graph_name);
  for (const Tensor& tensor : model.initializers) graph.message(5, message_of(tensor));
  for (const Port& port : model.inputs) graph.message(11, message_of(port));
  for (const Port& port : model.outputs) graph.message(12, message_of(port));
  Message opset, whole;
  opset.text(1, "");
  opset.integer(2, model.opset);
  whole.integer(1, model.ir_version);
  whole.text(2, model.producer);
  whole.text(3, model.producer_version);
  whole.message(7, graph);
  whole.message(8, opset);
  for (const auto& [key, value] : model.metadata) {
    Message entry;
    entry.text(1, key);
    entry.text(2, value);
    whole.message(14, entry);
  }
  return whole.take();
}

}  // namespace esrgan::onnx
