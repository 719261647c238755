#include "image/codecs/module_loader.h"

#include <esrgan/error.h>

#include <map>
#include <mutex>
#include <string>

#include "base/module.h"

namespace esrgan {
namespace {

struct Loaded {
  const CodecModule* module = nullptr;
  std::string problem;
};

Loaded load(const std::string& name) {
  Loaded found;
  found.module = static_cast<const CodecModule*>(find_module(name, "esrgan_codec_module", found.problem));
  return found;
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
