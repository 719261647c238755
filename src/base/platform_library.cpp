#include "base/platform_library.h"

#include <dlfcn.h>

#include <system_error>

#include "base/platform_process.h"

namespace esrgan {

void* load_symbol(const std::filesystem::path& path, const char* symbol, std::string& problem) {
  void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* const address = library != nullptr ? ::dlsym(library, symbol) : nullptr;
  if (address == nullptr) {
    const char* const said = ::dlerror();  // NOLINT(concurrency-mt-unsafe): glibc keeps one for each thread
    problem = said != nullptr ? said : path.string() + " cannot be loaded";
    if (library != nullptr) ::dlclose(library);
  }
  return address;
}

std::filesystem::path path_of_code(const void* address) {
  Dl_info info{};
  if (::dladdr(address, &info) == 0 || info.dli_fname == nullptr) return {};
  std::error_code failure;
  std::filesystem::path found = std::filesystem::canonical(info.dli_fname, failure);
  return failure ? path_of_program()
                 : found;  // of a program that was found by PATH, only the name may be known
}

}  // namespace esrgan
