#include "image/codecs/module_loader.h"

#include <esrgan/error.h>
#include <esrgan/version.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/platform_library.h"

namespace esrgan {
namespace {

namespace fs = std::filesystem;

struct Loaded {
  const CodecModule* module = nullptr;
  std::string problem;
};

/// The folders in which modules may lie, seen from the file that this code is in: the program or the library.
std::vector<fs::path> module_folders() {
  std::vector<fs::path> folders;
  const fs::path here = path_of_code(reinterpret_cast<const void*>(&module_folders)).parent_path();
  if (!here.empty())
    folders = {here / "esrgan", here / "../lib/esrgan", here / ".." / ESRGAN_LIBDIR / "esrgan"};
  folders.emplace_back(ESRGAN_FULL_LIBDIR "/esrgan");
  return folders;
}

Loaded load(const std::string& name) {
  const std::string file = "esrgan-" + name + ".so";
  std::string problem = file + " is not installed";
  for (const fs::path& folder : module_folders()) {
    std::error_code failure;
    const fs::path path = folder / file;
    if (!fs::exists(path, failure)) continue;
    using Entry = const CodecModule* (*)();
    const auto entry = reinterpret_cast<Entry>(load_symbol(path, "esrgan_codec_module", problem));
    if (entry == nullptr) continue;
    const CodecModule* module = entry();
    if (module != nullptr && std::strcmp(module->version, ESRGAN_VERSION) == 0) return {module, ""};
    problem = path.string() + " belongs to another version";
  }
  return {nullptr, problem};
}

const Loaded& loaded(std::string_view name) {
  static std::mutex mutex;
  static std::map<std::string, Loaded, std::less<>> modules;
  const std::lock_guard lock(mutex);
  const auto found = modules.find(name);
  if (found != modules.end()) return found->second;
  return modules.emplace(name, load(std::string(name))).first->second;
}

}  // namespace

bool module_is_available(std::string_view name) {
  return loaded(name).module != nullptr;
}

const CodecModule& load_module(std::string_view name) {
  const Loaded& found = loaded(name);
  if (found.module == nullptr) throw Error(ErrorKind::unsupported, found.problem);
  return *found.module;
}

}  // namespace esrgan
