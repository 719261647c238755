#include "weights/builtin.h"

#include <array>
#include <string_view>

// Made by cmake/builtin_models.cmake of the files that models/builtin.txt names.
#define ESRGAN_BUILTIN(symbol, name) \
  extern "C" const uint8_t esrgan_##symbol##_begin[], esrgan_##symbol##_end[];
#include "weights/builtin_models.inc"
#undef ESRGAN_BUILTIN

namespace esrgan {
namespace {

struct Builtin {
  std::string_view name;
  const uint8_t *begin, *end;
};

constexpr std::array builtins{
#define ESRGAN_BUILTIN(symbol, name) Builtin{name, esrgan_##symbol##_begin, esrgan_##symbol##_end},
#include "weights/builtin_models.inc"
#undef ESRGAN_BUILTIN
};

std::string path_of(std::string_view name) {
  return "builtin:/" + std::string(name) + ".safetensors";
}

}  // namespace

const std::vector<std::string>& builtin_weights() {
  static const std::vector<std::string> paths = [] {
    std::vector<std::string> all;
    all.reserve(builtins.size());
    for (const Builtin& builtin : builtins)
      if (path_of(builtin.name) != natural_statistics_path) all.push_back(path_of(builtin.name));
    return all;
  }();
  return paths;
}

std::optional<std::span<const uint8_t>> builtin_bytes(const std::filesystem::path& path) {
  for (const Builtin& builtin : builtins)
    if (path == path_of(builtin.name)) return std::span(builtin.begin, builtin.end);
  return {};
}

}  // namespace esrgan
