#include "weights/foreign_file.h"

#include <esrgan/error.h>

#include <algorithm>
#include <string_view>

#include "image/codecs/table.h"

namespace esrgan {
namespace {

using namespace std::string_view_literals;

struct Beginning {
  std::string_view bytes;
  size_t at;
  const char* kind;  // "this is ..."
};

constexpr const char* archive = "an archive: unpack the weight file from it";
constexpr const char* lone_bin = "the .bin of an ncnn model: its .param is missing beside it";

// Sources: the formats' specifications; of ncnn, src/modelbin.cpp (the tag of float16 weights).
constexpr Beginning beginnings[] = {
    {"version https://git-lfs.github.com"sv, 0, "a Git LFS pointer: fetch the file itself ('git lfs pull')"},
    {"\x89HDF\r\n\x1A\n"sv, 0, "an HDF5 file (Keras)"},
    {"GGUF"sv, 0, "a GGUF file"},
    {"TFL3"sv, 4, "a TensorFlow Lite file"},
    {"7767517"sv, 0, "the text of an ncnn model: name it .param, with its .bin beside it"},
    {"\x47\x6B\x30\x01"sv, 0, lone_bin},
    {"\x1F\x8B"sv, 0, archive},
    {"7z\xBC\xAF\x27\x1C"sv, 0, archive},
    {"Rar!\x1A\x07"sv, 0, archive},
    {"\xFD"
     "7zXZ\0"sv,
     0, archive},
    {"ustar"sv, 257, archive},
};

bool looks_like_web_page(std::string_view begin) {
  if (begin.starts_with("\xEF\xBB\xBF")) begin.remove_prefix(3);
  begin.remove_prefix(std::min(begin.find_first_not_of(" \t\r\n"), begin.size()));
  const auto is = [&](std::string_view tag) {
    return begin.size() >= tag.size() &&
           std::equal(tag.begin(), tag.end(), begin.begin(), [](char a, char b) {
             return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
           });
  };
  return is("<!doctype html") || is("<html") || is("<head");
}

std::string kind_of(std::span<const uint8_t> bytes) {
  const std::string_view begin(reinterpret_cast<const char*>(bytes.data()),
                               std::min<size_t>(bytes.size(), 512));
  if (looks_like_web_page(begin)) return "a web page: the download did not bring the file itself";
  for (const Beginning& known : beginnings)
    if (begin.size() >= known.at && begin.substr(known.at).starts_with(known.bytes)) return known.kind;
  for (const Codec& codec : codecs())
    if (codec.recognises != nullptr && codec.recognises(bytes.first(std::min<size_t>(bytes.size(), 64))))
      return "a picture (" + std::string(codec.name) + ")";
  return "";
}

}  // namespace

void refuse_foreign_file(std::span<const uint8_t> bytes, const std::string& file) {
  constexpr size_t header = 8;  // bytes before the brace of a safetensors file
  if (bytes.size() > header && bytes[header] == '{') return;
  const std::string kind = kind_of(bytes);
  if (!kind.empty())
    throw Error(ErrorKind::unsupported, file, "holds no weights that can be read: this is " + kind);
}

}  // namespace esrgan
