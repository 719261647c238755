#include "base/module.h"

#include <esrgan/version.h>

#include <cstring>
#include <filesystem>
#include <vector>

#include "base/platform_library.h"

namespace esrgan {
namespace {

namespace fs = std::filesystem;

/// The folders in which modules may lie, seen from the file that this code is in: the program or the library.
std::vector<fs::path> module_folders() {
  std::vector<fs::path> folders;
  const fs::path here = path_of_code(reinterpret_cast<const void*>(&module_folders)).parent_path();
  if (!here.empty())
    folders = {here / "esrgan", here / "../lib/esrgan", here / ".." / ESRGAN_LIBDIR / "esrgan"};
  folders.emplace_back(ESRGAN_FULL_LIBDIR "/esrgan");
  return folders;
}

}  // namespace

const void* find_module(std::string_view name, const char* entry, std::string& problem) {
  const std::string file = "esrgan-" + std::string(name) + ".so";
  problem = file + " is not installed";
  for (const fs::path& folder : module_folders()) {
    std::error_code failure;
    const fs::path path = folder / file;
    if (!fs::exists(path, failure)) continue;
    using Entry = const void* (*)();
    const auto call = reinterpret_cast<Entry>(load_symbol(path, entry, problem));
    if (call == nullptr) continue;
    const void* module = call();
    if (module != nullptr && std::strcmp(*static_cast<const char* const*>(module), ESRGAN_VERSION) == 0)
      return module;
    problem = path.string() + " belongs to another version";
  }
  return nullptr;
}

}  // namespace esrgan
