#include <esrgan/error.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <string_view>

#include "base/limits.h"
#include "weights/onnx_file.h"
#include "weights/onnx_wire.h"

namespace esrgan::onnx {
namespace {

struct Field {
  uint32_t number;
  Wire wire;
  uint64_t integer;                // of varint and fixed
  std::span<const uint8_t> bytes;  // of bytes

  float real() const {
    const auto bits = static_cast<uint32_t>(integer);
    float value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  std::string text() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
};

class Fields {
 public:
  Fields(std::span<const uint8_t> bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  /// Calls visit(field) for each.
  template <typename Visit>
  void each(const Visit& visit) {
    while (!bytes_.empty()) {
      const uint64_t tag = varint();
      Field field{static_cast<uint32_t>(tag >> 3U), static_cast<Wire>(tag & 7U), 0, {}};
      switch (field.wire) {
        case Wire::varint:
          field.integer = varint();
          break;
        case Wire::fixed64:
          field.integer = fixed(8);
          break;
        case Wire::fixed32:
          field.integer = fixed(4);
          break;
        case Wire::bytes: {
          const uint64_t size = varint();
          if (size > bytes_.size()) damaged();
          field.bytes = bytes_.first(size);
          bytes_ = bytes_.subspan(size);
          break;
        }
        default:
          damaged();
      }
      visit(field);
    }
  }

  uint64_t varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (bytes_.empty()) damaged();
      const uint8_t byte = bytes_.front();
      bytes_ = bytes_.subspan(1);
      value |= static_cast<uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80) return value;
    }
    damaged();
  }
  bool empty() const { return bytes_.empty(); }
  [[noreturn]] void damaged() const {
    throw Error(ErrorKind::bad_data, file_, "damaged or truncated ONNX file");
  }

 private:
  uint64_t fixed(size_t size) {
    if (bytes_.size() < size) damaged();
    uint64_t value = 0;
    std::memcpy(&value, bytes_.data(), size);
    bytes_ = bytes_.subspan(size);
    return value;
  }

  std::span<const uint8_t> bytes_;
  const std::string& file_;
};

/// A repeated number is one field each, or all in one block.
void add_integers(const Field& field, std::vector<int64_t>& to, const std::string& file) {
  if (field.wire != Wire::bytes) return to.push_back(static_cast<int64_t>(field.integer));
  Fields packed(field.bytes, file);
  while (!packed.empty()) to.push_back(static_cast<int64_t>(packed.varint()));
}

void add_bytes(std::span<const uint8_t> from, std::vector<uint8_t>& to) {
  to.insert(to.end(), from.begin(), from.end());
}

Tensor read_tensor(std::span<const uint8_t> bytes, const std::string& file) {
  Tensor tensor;
  std::vector<int64_t> integers;
  bool elsewhere = false;
  Fields(bytes, file).each([&](const Field& field) {
    switch (field.number) {
      case 1:
        add_integers(field, tensor.shape, file);
        break;
      case 2:
        tensor.type = static_cast<Type>(field.integer);
        break;
      case 4:
        if (field.wire == Wire::bytes) {
          add_bytes(field.bytes, tensor.bytes);
        } else {
          const float value = field.real();
          add_bytes({reinterpret_cast<const uint8_t*>(&value), sizeof value}, tensor.bytes);
        }
        break;
      case 5:
      case 7:
        add_integers(field, integers, file);
        break;
      case 8:
        tensor.name = field.text();
        break;
      case 9:
        tensor.bytes.assign(field.bytes.begin(), field.bytes.end());
        break;
      case 13:
        elsewhere = true;
        break;
      default:
        break;
    }
  });
  if (elsewhere)
    throw Error(ErrorKind::unsupported, file, "the numbers of '" + tensor.name + "' lie in another file",
                "one file", "external data");
  if (tensor.shape.size() > limits::tensor_dimensions)
    throw Error(ErrorKind::bad_data, file, "dimensions of '" + tensor.name + "'");
  // int32_data and int64_data: of each number what the type has, the low bytes first.
  const size_t size = tensor.type == Type::i64   ? 8
                      : tensor.type == Type::i32 ? 4
                      : tensor.type == Type::f16 ? 2
                                                 : 1;
  for (const int64_t value : integers)
    add_bytes({reinterpret_cast<const uint8_t*>(&value), size}, tensor.bytes);
  return tensor;
}

void read_attribute(std::span<const uint8_t> bytes, Node& node, const std::string& file) {
  std::string name;
  Value value;
  std::vector<int64_t> integers;
  std::vector<float> reals;
  auto kind = Kind::integer;
  Fields(bytes, file).each([&](const Field& field) {
    switch (field.number) {
      case 1:
        name = field.text();
        break;
      case 2:
        value = field.real();
        break;
      case 3:
        value = static_cast<int64_t>(field.integer);
        break;
      case 4:
        value = field.text();
        break;
      case 5:
        value = read_tensor(field.bytes, file);
        break;
      case 7:
        if (field.wire == Wire::bytes)
          for (size_t i = 0; i + sizeof(float) <= field.bytes.size(); i += sizeof(float))
            std::memcpy(&reals.emplace_back(), field.bytes.data() + i, sizeof(float));
        else
          reals.push_back(field.real());
        break;
      case 8:
        add_integers(field, integers, file);
        break;
      case 20:
        kind = static_cast<Kind>(field.integer);
        break;
      default:
        break;
    }
  });
  if (kind == Kind::integers || !integers.empty()) value = std::move(integers);
  if (kind == Kind::reals || !reals.empty()) value = std::move(reals);
  node.attributes[name] = std::move(value);
}

Node read_node(std::span<const uint8_t> bytes, const std::string& file) {
  Node node;
  Fields(bytes, file).each([&](const Field& field) {
    switch (field.number) {
      case 1:
        node.inputs.push_back(field.text());
        break;
      case 2:
        node.outputs.push_back(field.text());
        break;
      case 3:
        node.name = field.text();
        break;
      case 4:
        node.type = field.text();
        break;
      case 5:
        read_attribute(field.bytes, node, file);
        break;
      default:
        break;
    }
  });
  return node;
}

/// The fields within a message that is a field.
void within(const Field& field, uint32_t number, const std::string& file,
            const std::function<void(const Field&)>& visit) {
  Fields(field.bytes, file).each([&](const Field& inner) {
    if (inner.number == number) visit(inner);
  });
}

Port read_port(std::span<const uint8_t> bytes, const std::string& file) {
  Port port;
  Fields(bytes, file).each([&](const Field& field) {
    if (field.number == 1) port.name = field.text();
    if (field.number != 2) return;
    within(field, 1, file, [&](const Field& tensor) {
      within(tensor, 1, file, [&](const Field& type) { port.type = static_cast<Type>(type.integer); });
      within(tensor, 2, file, [&](const Field& shape) {
        within(shape, 1, file, [&](const Field& dimension) {
          port.dimensions.emplace_back();
          within(dimension, 1, file, [&](const Field& extent) {
            port.dimensions.back() = std::to_string(static_cast<int64_t>(extent.integer));
          });
          within(dimension, 2, file, [&](const Field& name) { port.dimensions.back() = name.text(); });
        });
      });
    });
  });
  return port;
}

void read_graph(std::span<const uint8_t> bytes, Model& model, const std::string& file) {
  Fields(bytes, file).each([&](const Field& field) {
    switch (field.number) {
      case 1:
        model.nodes.push_back(read_node(field.bytes, file));
        break;
      case 2:
        model.graph_name = field.text();
        break;
      case 5:
        model.initializers.push_back(read_tensor(field.bytes, file));
        break;
      case 11:
        model.inputs.push_back(read_port(field.bytes, file));
        break;
      case 12:
        model.outputs.push_back(read_port(field.bytes, file));
        break;
      default:
        break;
    }
    if (std::max(model.nodes.size(), model.initializers.size()) > static_cast<size_t>(limits::layers))
      throw Error(ErrorKind::bad_data, file, "nodes and tensors of the network",
                  "at most " + std::to_string(limits::layers) + " of each", "more");
  });
}

}  // namespace

int64_t Node::integer(const std::string& attribute, int64_t fallback) const {
  const auto found = attributes.find(attribute);
  const auto* value = found == attributes.end() ? nullptr : std::get_if<int64_t>(&found->second);
  return value != nullptr ? *value : fallback;
}

float Node::real(const std::string& attribute, float fallback) const {
  const auto found = attributes.find(attribute);
  const auto* value = found == attributes.end() ? nullptr : std::get_if<float>(&found->second);
  return value != nullptr ? *value : fallback;
}

// The version first, then a text or a message of a low field; safetensors begin with a number, and a brace
// behind its 8 bytes.
bool looks_like_model(std::span<const uint8_t> bytes) {
  constexpr std::string_view next = "\x12\x1A\x22\x3A\x42";
  if (bytes.size() > 8 && bytes[8] == '{') return false;
  return bytes.size() > 3 && bytes[0] == 0x08 && bytes[1] >= 1 && bytes[1] <= 32 &&
         next.find(static_cast<char>(bytes[2])) != std::string_view::npos;
}

Model read(std::span<const uint8_t> bytes, const std::string& file) {
  Model model;
  Fields(bytes, file).each([&](const Field& field) {
    switch (field.number) {
      case 1:
        model.ir_version = static_cast<int64_t>(field.integer);
        break;
      case 2:
        model.producer = field.text();
        break;
      case 3:
        model.producer_version = field.text();
        break;
      case 7:
        read_graph(field.bytes, model, file);
        break;
      case 8:
        within(field, 2, file,
               [&](const Field& version) { model.opset = static_cast<int64_t>(version.integer); });
        break;
      case 14: {
        std::string key, value;
        Fields(field.bytes, file).each([&](const Field& part) {
          if (part.number == 1) key = part.text();
          if (part.number == 2) value = part.text();
        });
        model.metadata[key] = value;
        break;
      }
      default:
        break;
    }
  });
  if (model.nodes.empty()) throw Error(ErrorKind::bad_data, file, "this ONNX file holds no network");
  return model;
}

}  // namespace esrgan::onnx
