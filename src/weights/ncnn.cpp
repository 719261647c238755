#include "weights/ncnn.h"

#include <esrgan/error.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>
#include <sstream>
#include <vector>

namespace esrgan {
namespace {

constexpr uint32_t half_weights_tag = 0x01306B47;
constexpr int array_key = -23300;  // "-233NN=count,value,..." is an array under key NN
constexpr int leaky_relu = 2;      // activation type of a convolution

struct Layer {
  std::string type, name;
  std::map<int, std::vector<double>> values;

  std::optional<double> value(int key) const {
    const auto found = values.find(key);
    if (found == values.end() || found->second.empty()) return std::nullopt;
    return found->second[0];
  }
  int64_t integer(int key, int64_t fallback) const {
    const double number = value(key).value_or(static_cast<double>(fallback));
    return std::abs(number) < 1e9 ? static_cast<int64_t>(number) : -1;
  }
};

class ParamParser {
 public:
  ParamParser(std::string_view text, const std::string& file) : stream_(std::string(text)), file_(file) {}

  std::vector<Layer> parse() {
    std::string line = next_line("the magic number 7767517");
    if (line.substr(0, 7) != "7767517")
      throw Error(file_, "not an ncnn .param file", "7767517", quoted(line));
    std::istringstream counts(next_line("the number of layers"));
    size_t layer_count = 0, blob_count = 0;
    if (!(counts >> layer_count >> blob_count) || layer_count > 100'000)
      throw Error(file_, "damaged .param file: line 2", "the numbers of layers and blobs");
    std::vector<Layer> layers;
    for (size_t i = 0; i < layer_count; ++i) layers.push_back(parse_layer(next_line("one more layer")));
    return layers;
  }

 private:
  static std::string quoted(const std::string& text) { return "'" + text.substr(0, 40) + "'"; }

  std::string next_line(const char* expected) {
    std::string line;
    ++number_;
    if (!std::getline(stream_, line))
      throw Error(file_, "truncated .param file: line " + std::to_string(number_), expected, "the end");
    return line;
  }

  [[noreturn]] void refuse(const std::string& expected, const std::string& found) const {
    throw Error(file_, "damaged .param file: line " + std::to_string(number_), expected, quoted(found));
  }

  /// TYPE NAME INPUTS OUTPUTS input... output... key=value...
  Layer parse_layer(const std::string& line) {
    std::istringstream words(line);
    Layer layer;
    size_t inputs = 0, outputs = 0;
    if (!(words >> layer.type >> layer.name >> inputs >> outputs) || inputs > 1000 || outputs > 1000)
      refuse("a layer", line);
    std::string word;
    for (size_t i = 0; i < inputs + outputs; ++i)
      if (!(words >> word)) refuse("the names of its blobs", line);
    while (words >> word) parse_value(word, layer);
    return layer;
  }

  void parse_value(const std::string& word, Layer& layer) const {
    const size_t equals = word.find('=');
    std::vector<double> numbers;
    try {
      if (equals == std::string::npos) refuse("key=value", word);
      int key = std::stoi(word.substr(0, equals));
      std::istringstream list(word.substr(equals + 1));
      for (std::string item; std::getline(list, item, ',');) numbers.push_back(std::stod(item));
      if (key <= array_key && !numbers.empty()) {
        key = array_key - key;
        numbers.erase(numbers.begin());  // the count
      }
      layer.values[key] = std::move(numbers);
    } catch (const std::logic_error&) {  // of stoi and stod
      refuse("numbers", word);
    }
  }

  std::istringstream stream_;
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
      throw Error(file_, "truncated: the weights of layer " + layer, std::to_string(size) + " bytes",
                  std::to_string(bytes_.size()));
    Tensor tensor{std::move(shape), to_float(type, bytes_, count), type};
    bytes_ = bytes_.subspan(std::min(bytes_.size(), (size + 3) / 4 * 4));
    return tensor;
  }

  /// Weights of a convolution start with a tag that tells how they are stored.
  ElementType take_tag(const std::string& layer) {
    uint32_t tag = 0;
    if (bytes_.size() < sizeof tag) throw Error(file_, "truncated before layer " + layer);
    std::memcpy(&tag, bytes_.data(), sizeof tag);
    bytes_ = bytes_.subspan(sizeof tag);
    if (tag == half_weights_tag) return ElementType::f16;
    if (tag == 0) return ElementType::f32;
    throw Error(file_, "storage of the weights of layer " + layer, "float16 or float32",
                "tag " + std::to_string(tag));
  }

  void finish() const {
    if (!bytes_.empty())
      throw Error(file_,
                  "longer than its .param file says: " + std::to_string(bytes_.size()) + " bytes are left");
  }

 private:
  std::span<const uint8_t> bytes_;
  const std::string& file_;
};

bool is_about(std::optional<double> value, double expected) {
  return value && std::abs(*value - expected) < 1e-4;
}

/// Names of weight-carrying layers by their order, for one of the two families.
class Names {
 public:
  Names(const std::vector<Layer>& layers, const std::string& file) {
    int64_t convolutions = 0, upsamplings = 0;
    bool concatenates = false, shuffles = false;
    for (const Layer& layer : layers) {
      convolutions += layer.type == "Convolution" ? 1 : 0;
      upsamplings += layer.type == "Interp" ? 1 : 0;
      concatenates |= layer.type == "Concat";
      shuffles |= layer.type == "PixelShuffle";
    }
    const std::string last = layers.empty() ? "" : layers.back().type;
    compact_ = shuffles && !concatenates && upsamplings == 1 && last == "BinaryOp";
    blocks_ = (convolutions - 4 - upsamplings) / 15;
    const bool dense = concatenates && !shuffles && last == "Convolution" && blocks_ > 0 &&
                       convolutions == 15 * blocks_ + 4 + upsamplings;
    if (!compact_ && !dense)
      throw Error(file, "the layers form no network that is known", "an RRDBNet or an SRVGGNetCompact",
                  std::to_string(convolutions) + " convolutions, the last layer being " + last);
    upsamplings_ = upsamplings;
  }

  std::string convolution() {
    const int64_t i = convolutions_++;
    if (compact_) return "body." + std::to_string(weights_++);
    if (i == 0) return "conv_first";
    if (i <= 15 * blocks_) {
      const int64_t within = (i - 1) % 15;
      return "body." + std::to_string((i - 1) / 15) + ".rdb" + std::to_string(within / 5 + 1) + ".conv" +
             std::to_string(within % 5 + 1);
    }
    const int64_t tail = i - 15 * blocks_ - 1;
    if (tail == 0) return "conv_body";
    if (tail <= upsamplings_) return "conv_up" + std::to_string(tail);
    return tail == upsamplings_ + 1 ? "conv_hr" : "conv_last";
  }

  std::string prelu() { return "body." + std::to_string(weights_++); }
  bool compact() const { return compact_; }

 private:
  bool compact_ = false;
  int64_t blocks_ = 0, upsamplings_ = 0, convolutions_ = 0;
  int64_t weights_ = 0;
};

void read_convolution(const Layer& layer, Names& names, BinReader& bin, const std::string& file,
                      StateDict& dict) {
  const int64_t out = layer.integer(0, 0), kernel = layer.integer(1, 0), size = layer.integer(6, 0);
  const bool plain = out > 0 && out <= 65536 && kernel > 0 && kernel <= 31 &&
                     layer.integer(11, kernel) == kernel && layer.integer(3, 1) == 1 &&
                     layer.integer(2, 1) == 1 && layer.integer(4, 0) == kernel / 2 &&
                     layer.integer(5, 0) == 1;
  if (!plain || size <= 0 || size % (out * kernel * kernel) != 0)
    throw Error(file, "layer " + layer.name + " cannot be used",
                "a square convolution with stride 1, zero padding that keeps the size, and a bias");
  const bool activation_fits =
      layer.integer(9, 0) == 0 ||
      (layer.integer(9, 0) == leaky_relu && !names.compact() && is_about(layer.value(10), 0.2));
  if (!activation_fits)
    throw Error(file, "activation of layer " + layer.name, "none, or LeakyReLU 0.2 in an RRDBNet");
  const std::string name = names.convolution();
  const ElementType type = bin.take_tag(layer.name);
  dict.tensors[name + ".weight"] =
      bin.take(type, {out, size / (out * kernel * kernel), kernel, kernel}, layer.name);
  dict.tensors[name + ".bias"] = bin.take(ElementType::f32, {out}, layer.name);
}

void check_other(const Layer& layer, const std::string& file) {
  static const char* const known[] = {"Input",    "Split",  "Concat",       "Eltwise",
                                      "BinaryOp", "Interp", "PixelShuffle", "ReLU"};
  if (std::none_of(std::begin(known), std::end(known), [&](const char* type) { return layer.type == type; }))
    throw Error(file, "layer " + layer.name, "a layer of an RRDBNet or an SRVGGNetCompact", layer.type);
  const auto coefficients = layer.values.find(1);
  const bool residual_fits = layer.type != "Eltwise" ||
                             (coefficients != layer.values.end() && coefficients->second.size() == 2 &&
                              is_about(coefficients->second[0], 0.2) && is_about(coefficients->second[1], 1));
  if (!residual_fits) throw Error(file, "residual scale of layer " + layer.name, "0.2 and 1");
  if (layer.type == "BinaryOp" && layer.integer(0, 0) != 0)
    throw Error(file, "operation of layer " + layer.name, "an addition");
  if (layer.type == "Interp" && layer.integer(0, 0) != 1)
    throw Error(file, "interpolation of layer " + layer.name, "nearest");
  if (layer.type == "ReLU" && !is_about(layer.value(0), 0.2))
    throw Error(file, "slope of layer " + layer.name, "0.2");
}

}  // namespace

StateDict read_ncnn(std::string_view param, std::span<const uint8_t> bin, const std::string& param_file,
                    const std::string& bin_file) {
  const std::vector<Layer> layers = ParamParser(param, param_file).parse();
  Names names(layers, param_file);
  BinReader reader(bin, bin_file);
  StateDict dict{bin_file, "ncnn", {}, {}};
  for (const Layer& layer : layers) {
    if (layer.type == "Convolution") {
      read_convolution(layer, names, reader, param_file, dict);
    } else if (layer.type == "PReLU" && names.compact()) {
      const int64_t slopes = layer.integer(0, 0);
      if (slopes <= 0 || slopes > 65536) throw Error(param_file, "layer " + layer.name + " has no slopes");
      dict.tensors[names.prelu() + ".weight"] = reader.take(ElementType::f32, {slopes}, layer.name);
    } else {
      check_other(layer, param_file);
    }
  }
  reader.finish();
  return dict;
}

}  // namespace esrgan
