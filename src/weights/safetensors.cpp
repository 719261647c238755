#include "weights/safetensors.h"

#include <esrgan/error.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/limits.h"
#include "weights/stored_bytes.h"

namespace esrgan {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "weight files are read without byte swapping");

constexpr const char* metadata_key = "__metadata__";

const std::pair<const char*, ElementType> type_names[] = {
    {"F64", ElementType::f64},     {"F32", ElementType::f32}, {"F16", ElementType::f16},
    {"BF16", ElementType::bf16},   {"I64", ElementType::i64}, {"I32", ElementType::i32},
    {"I16", ElementType::i16},     {"I8", ElementType::i8},   {"U8", ElementType::u8},
    {"BOOL", ElementType::boolean}};

struct Entry {
  bool damaged = false;
  std::string type;
  std::optional<std::vector<int64_t>> shape;
  std::vector<uint64_t> offsets;  // begin and end
};

struct Header {
  std::map<std::string, Entry> tensors;
  std::map<std::string, std::string> metadata;
};

/// Builds the header from what the JSON parser comes upon; nothing else of the document is kept.
class HeaderReader : public nlohmann::json_sax<json> {
 public:
  HeaderReader(Header& header, const std::string& file) : header_(header), file_(file) {}

  bool start_object(size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool start_array(size_t) override {
    if (depth_ == 0)
      throw Error(ErrorKind::bad_data, file_, "damaged safetensors header", "a JSON object", "array");
    if (depth_ == 2) list_ = key_;
    if (depth_ == 2 && entry_ != nullptr && list_ == "shape") entry_->shape.emplace();
    return open();
  }
  bool end_array() override {
    if (depth_ == 3) list_.clear();
    return close();
  }
  bool key(string_t& text) override {
    if (depth_ == 1) {
      const bool metadata = text == metadata_key;
      if (metadata ? std::exchange(metadata_seen_, true) : header_.tensors.contains(text))
        refuse_second(text);
      entry_ = metadata ? nullptr : &header_.tensors[text];
    } else if (depth_ == 2) {
      key_ = text;
      if (entry_ == nullptr && header_.metadata.contains(text)) refuse_second(text);
    }
    return true;
  }
  bool string(string_t& text) override {
    check_root();
    if (depth_ == 2 && entry_ == nullptr) header_.metadata[key_] = text;
    if (depth_ == 2 && entry_ != nullptr && key_ == "dtype") entry_->type = text;
    return true;
  }
  // Numbers are looked at before they are taken: a fraction or 1e300 is no size.
  bool number_unsigned(number_unsigned_t value) override {
    check_root();
    if (depth_ != 3 || entry_ == nullptr) return true;
    if (list_ == "shape")
      entry_->shape->push_back(static_cast<int64_t>(std::min<uint64_t>(value, INT64_MAX)));
    if (list_ == "data_offsets") entry_->offsets.push_back(value);
    return true;
  }
  bool number_integer(number_integer_t) override { return no_size(); }
  bool number_float(number_float_t, const string_t&) override { return no_size(); }
  bool boolean(bool) override { return no_size(); }
  bool null() override { return no_size(); }
  bool binary(binary_t&) override { return no_size(); }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception&) override { return false; }

 private:
  bool open() {
    if (depth_ == 3) no_size();
    ++depth_;
    return true;
  }
  bool close() {
    --depth_;
    return true;
  }
  [[noreturn]] void refuse_second(const std::string& key) const {
    throw Error(ErrorKind::bad_data, file_, "the key '" + key + "' stands twice in the header");
  }
  void check_root() const {
    if (depth_ == 0)
      throw Error(ErrorKind::bad_data, file_, "damaged safetensors header", "a JSON object", "a value");
  }
  /// Something else where a shape or an offset should be makes the entry unusable.
  bool no_size() {
    check_root();
    if (depth_ > 2 && entry_ != nullptr) entry_->damaged = true;
    return true;
  }

  Header& header_;
  const std::string& file_;
  int depth_ = 0;
  bool metadata_seen_ = false;
  Entry* entry_ = nullptr;  // of the tensor at hand
  std::string key_, list_;  // within it
};

Header parse_header(std::string_view text, const std::string& file) {
  Header header;
  HeaderReader reader(header, file);
  if (!json::sax_parse(text, &reader))
    throw Error(ErrorKind::bad_data, file, "damaged safetensors header: it is not valid JSON");
  return header;
}

ElementType parse_type(const std::string& name, const std::string& file, const std::string& tensor) {
  for (const auto& [known, type] : type_names)
    if (name == known) return type;
  throw Error(ErrorKind::unsupported, file,
              "tensor '" + tensor + "' has an element type that is not supported",
              "F64, F32, F16, BF16 or an integer type", name);
}

struct Range {
  uint64_t begin, end;
  std::string_view tensor;
};

/// The ranges must cover [0, size) without a gap or an overlap.
void check_coverage(std::vector<Range> ranges, uint64_t size, const std::string& file) {
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  uint64_t position = 0;
  for (const Range& range : ranges) {
    if (range.begin != position)
      throw Error(ErrorKind::bad_data, file,
                  "tensor '" + std::string(range.tensor) +
                      (range.begin < position ? "' overlaps another" : "' follows a gap"),
                  "its data at byte " + std::to_string(position), "byte " + std::to_string(range.begin));
    position = range.end;
  }
  if (position != size)
    throw Error(ErrorKind::bad_data, file, "the tensors do not cover the file",
                std::to_string(position) + " bytes of data", std::to_string(size));
}

struct Place {
  ElementType type;
  uint64_t begin, end;
  size_t count;
};

/// Where the data of a tensor lie among `size` bytes.
Place place_of(const std::string& name, const Entry& entry, uint64_t size, const std::string& file) {
  if (entry.damaged || entry.type.empty() || !entry.shape || entry.offsets.size() != 2)
    throw Error(ErrorKind::bad_data, file, "damaged entry of tensor '" + name + "' in the header",
                "dtype, shape and data_offsets");
  const ElementType type = parse_type(entry.type, file, name);
  const uint64_t begin = entry.offsets[0], end = entry.offsets[1];
  const auto count = element_count(*entry.shape);
  if (begin > end || end > size)
    throw Error(ErrorKind::bad_data, file, "tensor '" + name + "' reaches past the end of the file",
                "at most " + std::to_string(size) + " bytes of data", std::to_string(end));
  if (!count || *count * size_of(type) != end - begin)
    throw Error(ErrorKind::bad_data, file, "tensor '" + name + "' has a length that does not fit its shape",
                count ? std::to_string(*count * size_of(type)) + " bytes" : "a sensible shape",
                std::to_string(end - begin));
  return {type, begin, end, *count};
}

struct Parts {
  Header header;
  std::span<const uint8_t> data;
};

Parts split(std::span<const uint8_t> bytes, const std::string& file) {
  uint64_t length = 0;
  if (bytes.size() < sizeof length)
    throw Error(ErrorKind::bad_data, file, "too short for a safetensors file");
  std::memcpy(&length, bytes.data(), sizeof length);
  bytes = bytes.subspan(sizeof length);
  const uint64_t most = std::min<uint64_t>(bytes.size(), limits::weights_header);
  if (length > most)
    throw Error(ErrorKind::bad_data, file,
                "not a weight file of a known format, or a truncated one: safetensors header length",
                "at most " + std::to_string(most), std::to_string(length));
  return {parse_header({reinterpret_cast<const char*>(bytes.data()), static_cast<size_t>(length)}, file),
          bytes.subspan(length)};
}

}  // namespace

StateDict read_safetensors(std::span<const uint8_t> bytes, const std::string& file, const Selector& select) {
  Parts parts = split(bytes, file);
  std::vector<Range> ranges;
  std::vector<std::string> names;
  std::map<std::string_view, Place> places;
  for (const auto& [name, entry] : parts.header.tensors) {
    const Place& place = places.emplace(name, place_of(name, entry, parts.data.size(), file)).first->second;
    ranges.push_back({place.begin, place.end, name});
    names.push_back(name);
  }
  check_coverage(std::move(ranges), parts.data.size(), file);
  Selection selection = select(names);
  StateDict dict{file, "safetensors", {}, std::move(parts.header.metadata), std::move(selection.remarks)};
  for (const auto& [name, wanted] : selection.tensors) {
    const Place& place = places.at(name);
    const auto data = parts.data.subspan(place.begin, place.end - place.begin);
    dict.add(wanted,
             {*parts.header.tensors.at(name).shape, to_float(place.type, data, place.count), place.type});
  }
  return dict;
}

std::map<std::string, std::string> read_safetensors_metadata(std::span<const uint8_t> bytes,
                                                             const std::string& file) {
  return split(bytes, file).header.metadata;
}

void write_safetensors(const StateDict& dict, ElementType type, const std::filesystem::path& target) {
  if (type != ElementType::f32 && type != ElementType::f16)
    throw Error(ErrorKind::bad_data, target.string(), "weights can be written as float32 or float16 only", "",
                name_of(type));
  json header = json::object();
  if (!dict.metadata.empty()) header[metadata_key] = dict.metadata;
  uint64_t position = 0;
  for (const auto& [name, tensor] : dict.tensors) {
    const uint64_t end = position + tensor.values.size() * size_of(type);
    header[name] = {{"dtype", type == ElementType::f16 ? "F16" : "F32"},
                    {"shape", tensor.shape},
                    {"data_offsets", {position, end}}};
    position = end;
  }
  // Metadata need not be UTF-8 where they come from; in the file they are.
  std::string text = header.dump(-1, ' ', false, json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the data starts aligned to 8 bytes

  const uint64_t length = text.size();
  std::vector<uint8_t> bytes(sizeof length + length + position);
  std::memcpy(bytes.data(), &length, sizeof length);
  std::memcpy(bytes.data() + sizeof length, text.data(), length);
  uint8_t* out = bytes.data() + sizeof length + length;
  for (const auto& [name, tensor] : dict.tensors) {
    const std::vector<uint8_t> stored = stored_bytes(tensor.values, type);
    out = std::copy(stored.begin(), stored.end(), out);
  }
  write_file(target, bytes);
}

}  // namespace esrgan
