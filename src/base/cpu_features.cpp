#include "base/cpu_features.h"

#include <esrgan/error.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace esrgan {

const char* name_of(Isa isa) {
  switch (isa) {
    case Isa::neon:
      return "neon";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
    case Isa::generic:
      break;
  }
  return "generic";
}

std::string processor_name() {
  std::ifstream list("/proc/cpuinfo");
  for (std::string line; std::getline(list, line);)
    if (line.starts_with("model name")) return line.substr(std::min(line.find(": "), line.size() - 2) + 2);
  return "processor";
}

std::vector<Isa> supported_isas() {
  std::vector<Isa> isas{Isa::generic};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    isas.push_back(Isa::avx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")) isas.push_back(Isa::avx512);
  }
#elif defined(__aarch64__)
  isas.push_back(Isa::neon);  // part of the base instruction set
#endif
  return isas;
}

void require_supported(Isa isa) {
  const std::vector<Isa> isas = supported_isas();
  if (std::find(isas.begin(), isas.end(), isa) == isas.end())
    throw Error(ErrorKind::unsupported, "", "the processor cannot run these kernels",
                "a supported instruction set", name_of(isa));
}

Isa chosen_isa() {
  const std::vector<Isa> isas = supported_isas();
  const char* forced = std::getenv("ESRGAN_FORCE_ISA");  // NOLINT(concurrency-mt-unsafe)
  if (forced == nullptr || *forced == '\0') return isas.back();
  std::string names;
  for (const Isa isa : isas) {
    if (name_of(isa) == std::string(forced)) return isa;
    names += (names.empty() ? "" : ", ") + std::string(name_of(isa));
  }
  throw Error(ErrorKind::invalid_argument, "",
              "ESRGAN_FORCE_ISA names an instruction set that this processor cannot run", names, forced);
}

}  // namespace esrgan
