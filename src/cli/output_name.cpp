#include "cli/output_name.h"

#include <esrgan/error.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "cli/picture_folder.h"
#include "image/writer.h"

namespace esrgan::cli {
namespace {

namespace fs = std::filesystem;

/// The digits behind "n:", at least one and at most 18.
size_t width_of(const std::string& placeholder) {
  size_t width = 0;
  const char* const begin = placeholder.data() + 2;
  const char* const end = placeholder.data() + placeholder.size();
  const auto [stop, error] = std::from_chars(begin, end, width);
  if (error != std::errc() || stop != end || width < 1 || width > 18)
    throw Error(ErrorKind::invalid_argument, "", "--name", "{n:1} to {n:18}", "{" + placeholder + "}");
  return width;
}

std::string value_of(const std::string& placeholder, const NameValues& values) {
  if (placeholder == "name") return values.name;
  if (placeholder == "ext") return values.ext;
  if (placeholder == "scale") return values.scale;
  if (placeholder == "model") return values.model;
  if (placeholder == "n") return std::to_string(values.number);
  if (placeholder.starts_with("n:")) {
    const size_t width = width_of(placeholder);
    std::string digits = std::to_string(values.number);
    return std::string(width - std::min(width, digits.size()), '0') + digits;
  }
  throw Error(ErrorKind::invalid_argument, "", "--name", "{name}, {ext}, {scale}, {model}, {n} or {n:4}",
              "{" + placeholder + "}");
}

/// FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/
uint32_t hash_of(const std::string& text) {
  uint32_t hash = 2166136261U;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619U;
  return hash;
}

/// At most `length`, not within a character of UTF-8; bytes that are none may be parted anywhere.
size_t character_boundary(const std::string& text, size_t length) {
  const auto continues = [&](size_t i) { return (static_cast<uint8_t>(text[i]) & 0xC0U) == 0x80U; };
  size_t boundary = length;
  while (boundary > 0 && length - boundary < 3 && continues(boundary)) --boundary;
  return continues(boundary) ? length : boundary;
}

}  // namespace

SplitName::SplitName(const std::string& file_name) : stem(file_name) {
  const fs::path path(file_name);
  if (!has_picture_extension(path)) return;
  stem = path.stem().string();
  extension = path.extension().string();
  if (const fs::path inner = stem; plain_extension(extension) == "gz") {  // volume.nii.gz
    extension = inner.extension().string() + extension;
    stem = inner.stem().string();
  }
}

bool same_kind(const std::string& extension, const std::string& other) {
  static const std::array<std::pair<const char*, const char*>, 8> others{{{"jpeg", "jpg"},
                                                                          {"jpe", "jpg"},
                                                                          {"jfif", "jpg"},
                                                                          {"jif", "jpg"},
                                                                          {"jfi", "jpg"},
                                                                          {"tiff", "tif"},
                                                                          {"heif", "heic"},
                                                                          {"dib", "bmp"}}};
  const auto kind = [](const std::string& text) {
    const std::string name = plain_extension(text);
    const auto* const found =
        std::find_if(others.begin(), others.end(), [&](const auto& pair) { return name == pair.first; });
    return found == others.end() ? name : found->second;
  };
  return kind(extension) == kind(other);
}

NamePattern::NamePattern(std::string pattern) : text_(std::move(pattern)) {
  if (text_.empty()) return;
  if (text_.find('/') != std::string::npos)
    throw Error(ErrorKind::invalid_argument, "", "--name", "a name without folders", "'" + text_ + "'");
  const std::string last = fs::path(text_).extension().string();
  if (last == ".{ext}") {
    text_.resize(text_.size() - last.size());
  } else if (!last.empty() && can_write(last)) {
    extension_ = last;
    text_.resize(text_.size() - last.size());
  }
  if (fill({"name", "ext", "4", "model", 1}).empty())
    throw Error(ErrorKind::invalid_argument, "", "--name", "a name", "'" + text_ + "'");
}

bool NamePattern::numbered() const {
  return text_.find("{n}") != std::string::npos || text_.find("{n:") != std::string::npos;
}

std::string NamePattern::fill(const NameValues& values) const {
  std::string filled;
  for (size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] != '{') {
      filled += text_[i];
      continue;
    }
    const size_t end = text_.find('}', i);
    if (end == std::string::npos)
      throw Error(ErrorKind::invalid_argument, "", "--name", "a '}' for each '{'", "'" + text_ + "'");
    filled += value_of(text_.substr(i + 1, end - i - 1), values);
    i = end;
  }
  std::replace(filled.begin(), filled.end(), '/', '_');  // a model may be named by its path
  return filled;
}

std::string fitting_name(const std::string& stem, const std::string& tail) {
  if (stem.size() + tail.size() <= longest_name) return stem + tail;
  std::array<char, 16> mark{};
  std::snprintf(mark.data(), mark.size(), "~%08x", hash_of(stem + tail));
  const std::string end = mark.data() + tail;
  return stem.substr(0, character_boundary(stem, longest_name - end.size())) + end;
}

}  // namespace esrgan::cli
