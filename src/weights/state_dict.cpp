#include "weights/state_dict.h"

#include <esrgan/error.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/half.h"
#include "base/limits.h"

namespace esrgan {
namespace {

struct TypeFacts {
  const char* name;
  size_t size;
};

// In the order of ElementType.
constexpr std::array<TypeFacts, 10> type_facts{{{"float64", 8},
                                                {"float32", 4},
                                                {"float16", 2},
                                                {"bfloat16", 2},
                                                {"int64", 8},
                                                {"int32", 4},
                                                {"int16", 2},
                                                {"int8", 1},
                                                {"uint8", 1},
                                                {"bool", 1}}};

template <typename Stored, typename Convert>
std::vector<float> convert_all(std::span<const uint8_t> bytes, size_t count, Convert convert) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) {
    Stored element;
    std::memcpy(&element, bytes.data() + i * sizeof element, sizeof element);
    values[i] = convert(element);
  }
  return values;
}

template <typename Stored>
std::vector<float> cast_all(std::span<const uint8_t> bytes, size_t count) {
  return convert_all<Stored>(bytes, count, [](Stored element) { return static_cast<float>(element); });
}

}  // namespace

const char* name_of(ElementType type) {
  return type_facts[static_cast<size_t>(type)].name;
}
size_t size_of(ElementType type) {
  return type_facts[static_cast<size_t>(type)].size;
}

std::string Tensor::shape_text() const {
  std::string text;
  for (const int64_t extent : shape) text += (text.empty() ? "" : "x") + std::to_string(extent);
  return text.empty() ? "scalar" : text;
}

double OrderedLayer::number(int key, double fallback) const {
  const auto found = values.find(key);
  return found == values.end() || found->second.empty() ? fallback : found->second[0];
}

int64_t OrderedLayer::integer(int key, int64_t fallback) const {
  const double found = number(key, static_cast<double>(fallback));
  return std::abs(found) < 1e9 ? static_cast<int64_t>(found) : -1;
}

const Tensor& StateDict::at(const std::string& name) const {
  const auto found = tensors.find(name);
  if (found == tensors.end()) throw Error(ErrorKind::bad_data, file, "the tensor '" + name + "' is missing");
  return found->second;
}

bool StateDict::has_layer(const std::string& layer) const {
  const auto next = tensors.lower_bound(layer + ".");
  return next != tensors.end() && next->first.starts_with(layer + ".");
}

std::vector<std::string> StateDict::lone_numbers() const {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors)
    if (tensor.values.size() == 1 && !name.ends_with(".weight") && !name.ends_with(".bias"))
      names.push_back(name);
  return names;
}

void StateDict::add(const std::string& name, Tensor tensor) {
  if (!tensors.emplace(name, std::move(tensor)).second)
    throw Error(ErrorKind::bad_data, file, "two tensors stand for '" + name + "'");
}

void check_finite(const StateDict& weights) {
  constexpr uint32_t exponent = 0x7F800000;  // all its bits are set in NaN and infinity alone
  for (const auto& [name, tensor] : weights.tensors) {
    uint32_t not_finite = 0;
    for (const float value : tensor.values)
      not_finite |= static_cast<uint32_t>((std::bit_cast<uint32_t>(value) & exponent) == exponent);
    if (not_finite != 0)
      throw Error(ErrorKind::bad_data, weights.file,
                  "tensor '" + name + "' holds numbers that are not finite: the file is damaged, " +
                      "or its training went wrong");
  }
}

std::optional<size_t> element_count(std::span<const int64_t> shape) {
  constexpr int64_t limit = limits::tensor_extent;
  int64_t count = 1;
  for (const int64_t extent : shape) {
    if (extent < 0 || extent > limit) return std::nullopt;
    if (extent != 0 && count > limit / extent) return std::nullopt;
    count *= extent;
  }
  return static_cast<size_t>(count);
}

std::vector<float> to_float(ElementType type, std::span<const uint8_t> bytes, size_t count) {
  switch (type) {
    case ElementType::f64:
      return cast_all<double>(bytes, count);
    case ElementType::f32:
      return cast_all<float>(bytes, count);
    case ElementType::f16:
      return convert_all<uint16_t>(bytes, count, float_from_half);
    case ElementType::bf16:
      return convert_all<uint16_t>(bytes, count, float_from_bfloat16);
    case ElementType::i64:
      return cast_all<int64_t>(bytes, count);
    case ElementType::i32:
      return cast_all<int32_t>(bytes, count);
    case ElementType::i16:
      return cast_all<int16_t>(bytes, count);
    case ElementType::i8:
      return cast_all<int8_t>(bytes, count);
    case ElementType::u8:
    case ElementType::boolean:
      return cast_all<uint8_t>(bytes, count);
  }
  return {};
}

}  // namespace esrgan
