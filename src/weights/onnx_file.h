// ONNX files as they are written: a ModelProto of protocol buffers, of which the fields that networks of this
// family need are read and written here by hand. Source of the numbers: onnx.proto3 of
// https://github.com/onnx/onnx; of the encoding: https://protobuf.dev/programming-guides/encoding.
//
// Protobuf's own library would bring a code generator, generated code of thousands of lines and a library
// that all users load for a few field numbers.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace esrgan::onnx {

/// TensorProto.DataType.
enum class Type : int32_t {
  f32 = 1,
  u8 = 2,
  i8 = 3,
  i32 = 6,
  i64 = 7,
  boolean = 9,
  f16 = 10,
  f64 = 11,
  bf16 = 16
};

/// Elements in row-major order, little-endian.
struct Tensor {
  std::string name;
  Type type = Type::f32;
  std::vector<int64_t> shape;
  std::vector<uint8_t> bytes;
};

using Value = std::variant<int64_t, float, std::string, Tensor, std::vector<float>, std::vector<int64_t>>;

struct Node {
  std::string type;  ///< "Conv"
  std::string name;
  std::vector<std::string> inputs, outputs;
  std::map<std::string, Value> attributes{};

  /// An attribute that is a whole number.
  int64_t integer(const std::string& attribute, int64_t fallback) const;
  float real(const std::string& attribute, float fallback) const;
};

/// What goes in or comes out.
struct Port {
  std::string name;
  Type type = Type::f32;
  std::vector<std::string> dimensions;  ///< numbers, or names of what is free: "height"
};

struct Model {
  std::string producer, producer_version, graph_name;
  int64_t ir_version = 8, opset = 17;
  std::vector<Node> nodes;  ///< each behind those it takes from
  std::vector<Tensor> initializers;
  std::vector<Port> inputs, outputs;
  std::map<std::string, std::string> metadata;
};

std::vector<uint8_t> write(const Model& model);

/// Whether the bytes begin as a ModelProto that programs write.
bool looks_like_model(std::span<const uint8_t> bytes);

/// Throws Error naming `file` when it is damaged, or holds its numbers in other files. What is not known is
/// left out.
Model read(std::span<const uint8_t> bytes, const std::string& file);

}  // namespace esrgan::onnx
