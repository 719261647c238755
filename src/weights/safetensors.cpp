#include "weights/safetensors.h"

#include <esrgan/error.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/half.h"

namespace esrgan {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "weight files are read without byte swapping");

constexpr const char* metadata_key = "__metadata__";
constexpr uint64_t largest_header = 100'000'000;  // the limit of the reference implementation

const std::pair<const char*, ElementType> type_names[] = {
    {"F64", ElementType::f64},     {"F32", ElementType::f32}, {"F16", ElementType::f16},
    {"BF16", ElementType::bf16},   {"I64", ElementType::i64}, {"I32", ElementType::i32},
    {"I16", ElementType::i16},     {"I8", ElementType::i8},   {"U8", ElementType::u8},
    {"BOOL", ElementType::boolean}};

ElementType parse_type(const std::string& name, const std::string& file, const std::string& tensor) {
  for (const auto& [known, type] : type_names)
    if (name == known) return type;
  throw Error(file, "tensor '" + tensor + "' has an element type that is not supported",
              "F64, F32, F16, BF16 or an integer type", name);
}

/// Parses the header; the same key twice is an error, as the format demands.
json parse_header(std::string_view text, const std::string& file) {
  std::vector<std::set<std::string>> keys;
  const auto check_keys = [&](int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end && !keys.empty()) keys.pop_back();
    if (event == json::parse_event_t::key && !keys.empty() &&
        !keys.back().insert(parsed.get<std::string>()).second)
      throw Error(file, "the key '" + parsed.get<std::string>() + "' stands twice in the header");
    return true;
  };
  try {
    json header = json::parse(text, check_keys);
    if (!header.is_object())
      throw Error(file, "damaged safetensors header", "a JSON object", header.type_name());
    return header;
  } catch (const json::exception&) {
    throw Error(file, "damaged safetensors header: it is not valid JSON");
  }
}

struct Range {
  uint64_t begin, end;
  std::string tensor;
};

/// The ranges must cover [0, size) without a gap or an overlap.
void check_coverage(std::vector<Range> ranges, uint64_t size, const std::string& file) {
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  uint64_t position = 0;
  for (const Range& range : ranges) {
    if (range.begin != position)
      throw Error(
          file,
          "tensor '" + range.tensor + (range.begin < position ? "' overlaps another" : "' follows a gap"),
          "its data at byte " + std::to_string(position), "byte " + std::to_string(range.begin));
    position = range.end;
  }
  if (position != size)
    throw Error(file, "the tensors do not cover the file", std::to_string(position) + " bytes of data",
                std::to_string(size));
}

Tensor read_tensor(const std::string& name, const json& entry, std::span<const uint8_t> data,
                   const std::string& file, std::vector<Range>& ranges) {
  const auto damaged = [&] {
    return Error(file, "damaged entry of tensor '" + name + "' in the header",
                 "dtype, shape and data_offsets");
  };
  // Numbers are looked at before they are taken: a fraction or 1e300 is no size.
  const auto whole_number = [&](const json& value) {
    if (!value.is_number_unsigned()) throw damaged();
    return value.get<uint64_t>();
  };
  std::vector<int64_t> shape;
  std::string type_name;
  uint64_t begin = 0, end = 0;
  try {
    type_name = entry.at("dtype").get<std::string>();
    if (!entry.at("shape").is_array()) throw damaged();
    for (const json& extent : entry.at("shape")) shape.push_back(static_cast<int64_t>(whole_number(extent)));
    begin = whole_number(entry.at("data_offsets").at(0));
    end = whole_number(entry.at("data_offsets").at(1));
  } catch (const json::exception&) {
    throw damaged();
  }
  const ElementType type = parse_type(type_name, file, name);
  const auto count = element_count(shape);
  if (begin > end || end > data.size())
    throw Error(file, "tensor '" + name + "' reaches past the end of the file",
                "at most " + std::to_string(data.size()) + " bytes of data", std::to_string(end));
  if (!count || *count * size_of(type) != end - begin)
    throw Error(file, "tensor '" + name + "' has a length that does not fit its shape",
                count ? std::to_string(*count * size_of(type)) + " bytes" : "a sensible shape",
                std::to_string(end - begin));
  ranges.push_back({begin, end, name});
  return {std::move(shape), to_float(type, data.subspan(begin, end - begin), *count), type};
}

struct Parts {
  json header;
  std::span<const uint8_t> data;
};

Parts split(std::span<const uint8_t> bytes, const std::string& file) {
  uint64_t length = 0;
  if (bytes.size() < sizeof length) throw Error(file, "too short for a safetensors file");
  std::memcpy(&length, bytes.data(), sizeof length);
  bytes = bytes.subspan(sizeof length);
  if (length > std::min<uint64_t>(bytes.size(), largest_header))
    throw Error(file, "not a weight file of a known format, or a truncated one: safetensors header length",
                "at most " + std::to_string(std::min<uint64_t>(bytes.size(), largest_header)),
                std::to_string(length));
  return {parse_header({reinterpret_cast<const char*>(bytes.data()), static_cast<size_t>(length)}, file),
          bytes.subspan(length)};
}

std::map<std::string, std::string> metadata_of(const json& header, const std::string& file) {
  std::map<std::string, std::string> texts;
  const auto found = header.find(metadata_key);
  if (found == header.end()) return texts;
  if (!found->is_object()) throw Error(file, "damaged __metadata__ in the header", "an object of strings");
  for (const auto& [key, value] : found->items())
    if (value.is_string()) texts[key] = value.get<std::string>();
  return texts;
}

}  // namespace

StateDict read_safetensors(std::span<const uint8_t> bytes, const std::string& file) {
  const Parts parts = split(bytes, file);
  StateDict dict{file, "safetensors", {}, metadata_of(parts.header, file)};
  std::vector<Range> ranges;
  for (const auto& [name, entry] : parts.header.items())
    if (name != metadata_key) dict.tensors.emplace(name, read_tensor(name, entry, parts.data, file, ranges));
  check_coverage(std::move(ranges), parts.data.size(), file);
  return dict;
}

std::map<std::string, std::string> read_safetensors_metadata(std::span<const uint8_t> bytes,
                                                             const std::string& file) {
  return metadata_of(split(bytes, file).header, file);
}

void write_safetensors(const StateDict& dict, ElementType type, const std::filesystem::path& target) {
  if (type != ElementType::f32 && type != ElementType::f16)
    throw Error(target.string(), "weights can be written as float32 or float16 only", "", name_of(type));
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
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // the data starts aligned to 8 bytes

  const uint64_t length = text.size();
  std::vector<uint8_t> bytes(sizeof length + length + position);
  std::memcpy(bytes.data(), &length, sizeof length);
  std::memcpy(bytes.data() + sizeof length, text.data(), length);
  uint8_t* out = bytes.data() + sizeof length + length;
  for (const auto& [name, tensor] : dict.tensors) {
    for (const float value : tensor.values) {
      if (type == ElementType::f16) {
        const uint16_t half = half_from_float(value);
        std::memcpy(out, &half, sizeof half);
      } else {
        std::memcpy(out, &value, sizeof value);
      }
      out += size_of(type);
    }
  }
  write_file(target, bytes);
}

}  // namespace esrgan
