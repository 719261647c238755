// Named tensors as a weight file holds them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace esrgan {

/// Element types that occur in weight files.
enum class ElementType { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };

const char* name_of(ElementType type);
size_t size_of(ElementType type);

/// A tensor in row-major order. Values are converted to float on reading, whatever they were stored as;
/// convolution weights have the shape [out, in, height, width].
struct Tensor {
  std::vector<int64_t> shape;
  std::vector<float> values;
  ElementType stored_as = ElementType::f32;

  std::string shape_text() const;  ///< "64x3x3x3"
};

/// What a format without names of tensors tells of its layers instead.
struct OrderedLayer {
  std::string type, name;
  std::map<int, std::vector<double>> values;  ///< by the format's keys

  double number(int key, double fallback) const;
  /// -1 for a number that is no size.
  int64_t integer(int key, int64_t fallback) const;
};

/// What is made up for a file for other programs (factors, sizes) has a name that begins so, and is not read
/// back.
constexpr const char* made_up_name = "esrgan::";

/// The content of one weight file.
struct StateDict {
  std::string file;    ///< for messages
  std::string format;  ///< "safetensors", "PyTorch zip", "PyTorch legacy" or "ncnn"
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;  ///< free text pairs of safetensors
  std::vector<std::string> remarks{};           ///< which of several networks was taken
  std::vector<OrderedLayer> layers{};  ///< in order; the tensors of layer N are then called N.weight, N.bias

  /// The tensor called `name`; throws Error naming file and tensor when it is absent.
  const Tensor& at(const std::string& name) const;
  bool contains(const std::string& name) const { return tensors.contains(name); }
  /// Whether a tensor belongs to the layer: "conv_first" to conv_first.weight.
  bool has_layer(const std::string& layer) const;
  /// Names of tensors of one number that are no layer's: residual scales, marks.
  std::vector<std::string> lone_numbers() const;
  /// Throws Error when there is a tensor of that name already.
  void add(const std::string& name, Tensor tensor);
};

/// Throws Error naming the first tensor that holds NaN or infinity.
void check_finite(const StateDict& weights);

/// Number of elements of `shape`; empty when a dimension is negative or the product exceeds 2^40.
std::optional<size_t> element_count(std::span<const int64_t> shape);

/// Converts little-endian elements to float. `bytes` must hold count * size_of(type) bytes.
std::vector<float> to_float(ElementType type, std::span<const uint8_t> bytes, size_t count);

}  // namespace esrgan
