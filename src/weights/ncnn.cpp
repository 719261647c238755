#include "weights/ncnn.h"

#include <esrgan/error.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "base/limits.h"

namespace esrgan {
namespace {

constexpr int array_key = -23300;  // "-233NN=count,value,..." is an array under key NN

/// One after the other, as the text has them.
class Words {
 public:
  Words(std::string_view text, char separator) : text_(text), separator_(separator) {}

  std::optional<std::string_view> next() {
    while (separator_ == ' ' && !text_.empty() && (text_[0] == ' ' || text_[0] == '\t' || text_[0] == '\r'))
      text_.remove_prefix(1);
    if (text_.empty()) return std::nullopt;
    const size_t end = separator_ == ' ' ? text_.find_first_of(" \t\r") : text_.find(separator_);
    const std::string_view word = text_.substr(0, end);
    text_.remove_prefix(std::min(text_.size(), word.size() + 1));
    return word;
  }

 private:
  std::string_view text_;
  char separator_;
};

template <typename Number>
std::optional<Number> number_of(std::optional<std::string_view> text) {
  Number value{};
  if (!text) return std::nullopt;
  if (text->starts_with('+')) text->remove_prefix(1);
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return value;
}

class ParamParser {
 public:
  ParamParser(std::string_view text, const std::string& file) : lines_(text, '\n'), file_(file) {}

  std::vector<OrderedLayer> parse() {
    const std::string_view line = next_line("the magic number");
    if (Words(line, ' ').next() != ncnn_magic)
      throw Error(ErrorKind::bad_data, file_, "not an ncnn .param file", ncnn_magic, quoted(line));
    Words counts(next_line("the number of layers"), ' ');
    const auto layer_count = number_of<int>(counts.next()), blob_count = number_of<int>(counts.next());
    if (!layer_count || !blob_count || *layer_count < 0 || *layer_count > limits::layers)
      throw Error(ErrorKind::bad_data, file_, "damaged .param file: line 2",
                  "the numbers of layers and blobs");
    std::vector<OrderedLayer> layers;
    layers.reserve(static_cast<size_t>(*layer_count));
    for (int i = 0; i < *layer_count; ++i) layers.push_back(parse_layer(next_line("one more layer")));
    return layers;
  }

 private:
  static std::string quoted(std::string_view text) { return "'" + std::string(text.substr(0, 40)) + "'"; }

  std::string_view next_line(const char* expected) {
    ++number_;
    const auto line = lines_.next();
    if (!line)
      throw Error(ErrorKind::bad_data, file_, "truncated .param file: line " + std::to_string(number_),
                  expected, "the end");
    return *line;
  }

  [[noreturn]] void refuse(const std::string& expected, std::string_view found) const {
    throw Error(ErrorKind::bad_data, file_, "damaged .param file: line " + std::to_string(number_), expected,
                quoted(found));
  }

  /// TYPE NAME INPUTS OUTPUTS input... output... key=value...
  OrderedLayer parse_layer(std::string_view line) {
    constexpr int most_blobs = 1000;
    Words words(line, ' ');
    const auto type = words.next(), name = words.next();
    const auto inputs = number_of<int>(words.next()), outputs = number_of<int>(words.next());
    if (!inputs || !outputs || *inputs < 0 || *inputs > most_blobs || *outputs < 0 || *outputs > most_blobs)
      refuse("a layer", line);
    OrderedLayer layer{std::string(*type), std::string(*name), {}};
    for (int i = 0; i < *inputs + *outputs; ++i)
      if (!words.next()) refuse("the names of its blobs", line);
    while (const auto word = words.next()) parse_value(*word, layer);
    return layer;
  }

  void parse_value(std::string_view word, OrderedLayer& layer) const {
    const size_t equals = word.find('=');
    if (equals == std::string_view::npos) refuse("key=value", word);
    auto key = number_of<int>(word.substr(0, equals));
    if (!key) refuse("a number before '='", word);
    std::vector<double> numbers;
    Words list(word.substr(equals + 1), ',');
    while (const auto item = list.next()) {
      const auto number = number_of<double>(item);
      if (!number) refuse("numbers", word);
      numbers.push_back(*number);
    }
    if (*key <= array_key && !numbers.empty()) {
      key = array_key - *key;
      numbers.erase(numbers.begin());  // the count
    }
    layer.values[*key] = std::move(numbers);
  }

  Words lines_;
  const std::string& file_;
  size_t number_ = 0;
};

class BinReader {
 public:
  BinReader(std::span<const uint8_t> bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  Tensor take(ElementType type, std::vector<int64_t> shape, const std::string& layer) {
    const size_t count = element_count(shape).value_or(SIZE_MAX / 8);
    const size_t size = count * size_of(type);
    if (size > bytes_.size())
      throw Error(ErrorKind::bad_data, file_, "truncated: the weights of layer " + layer,
                  std::to_string(size) + " bytes", std::to_string(bytes_.size()));
    Tensor tensor{std::move(shape), to_float(type, bytes_, count), type};
    bytes_ = bytes_.subspan(std::min(bytes_.size(), (size + 3) / 4 * 4));
    return tensor;
  }

  /// Weights of a convolution start with a tag that tells how they are stored.
  ElementType take_tag(const std::string& layer) {
    uint32_t tag = 0;
    if (bytes_.size() < sizeof tag)
      throw Error(ErrorKind::bad_data, file_, "truncated before layer " + layer);
    std::memcpy(&tag, bytes_.data(), sizeof tag);
    bytes_ = bytes_.subspan(sizeof tag);
    if (tag == ncnn_half_weights) return ElementType::f16;
    if (tag == 0) return ElementType::f32;
    throw Error(ErrorKind::bad_data, file_, "storage of the weights of layer " + layer, "float16 or float32",
                "tag " + std::to_string(tag));
  }

  void finish() const {
    if (!bytes_.empty())
      throw Error(ErrorKind::bad_data, file_,
                  "longer than its .param file says: " + std::to_string(bytes_.size()) + " bytes are left");
  }

 private:
  std::span<const uint8_t> bytes_;
  const std::string& file_;
};

void read_convolution(const OrderedLayer& layer, const std::string& tensors, BinReader& bin,
                      const std::string& file, StateDict& dict) {
  const int64_t out = layer.integer(0, 0), kernel = layer.integer(1, 0), size = layer.integer(6, 0);
  const bool plain = out > 0 && out <= limits::channels && kernel > 0 && kernel <= limits::kernel &&
                     layer.integer(11, kernel) == kernel && layer.integer(3, 1) == 1 &&
                     layer.integer(2, 1) == 1 && layer.integer(4, 0) == kernel / 2;
  if (!plain || size <= 0 || size % (out * kernel * kernel) != 0)
    throw Error(ErrorKind::bad_data, file, "layer '" + layer.name + "' cannot be used",
                "a square convolution with stride 1 and zero padding that keeps the size");
  const ElementType type = bin.take_tag(layer.name);
  dict.tensors[tensors + ".weight"] =
      bin.take(type, {out, size / (out * kernel * kernel), kernel, kernel}, layer.name);
  if (layer.integer(5, 0) == 1)
    dict.tensors[tensors + ".bias"] = bin.take(ElementType::f32, {out}, layer.name);
}

void check_has_no_weights(const OrderedLayer& layer, const std::string& file) {
  static constexpr std::string_view known[] = {"Input",    "Split",  "Concat",       "Eltwise",
                                               "BinaryOp", "Interp", "PixelShuffle", "Reorg",
                                               "ReLU",     "Swish",  "Sigmoid"};
  if (std::find(std::begin(known), std::end(known), layer.type) == std::end(known))
    throw Error(ErrorKind::bad_data, file, "layer '" + layer.name + "'", "a type of layer that is known here",
                layer.type);
}

}  // namespace

StateDict read_ncnn(std::string_view param, std::span<const uint8_t> bin, const std::string& param_file,
                    const std::string& bin_file) {
  BinReader reader(bin, bin_file);
  StateDict dict{bin_file, "ncnn", {}, {}};
  dict.layers = ParamParser(param, param_file).parse();
  for (size_t i = 0; i < dict.layers.size(); ++i) {
    const OrderedLayer& layer = dict.layers[i];
    const std::string tensors = std::to_string(i);
    if (layer.type == "Convolution") {
      read_convolution(layer, tensors, reader, param_file, dict);
    } else if (layer.type == "PReLU") {
      const int64_t slopes = layer.integer(0, 0);
      if (slopes <= 0 || slopes > limits::channels)
        throw Error(ErrorKind::bad_data, param_file, "layer '" + layer.name + "' has no slopes");
      dict.tensors[tensors + ".weight"] = reader.take(ElementType::f32, {slopes}, layer.name);
    } else if (layer.type == "MemoryData" && layer.integer(0, 0) == 1 && layer.integer(1, 0) == 0) {
      dict.tensors[tensors + ".number"] = reader.take(ElementType::f32, {1}, layer.name);
    } else {
      check_has_no_weights(layer, param_file);
    }
  }
  reader.finish();
  return dict;
}

}  // namespace esrgan
