#include "base/cpu_features.h"

#include <esrgan/error.h>

#include <algorithm>
#include <optional>
#include <string>

#include "base/platform_process.h"

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
  const std::string forced = environment_variable("ESRGAN_FORCE_ISA").value_or("");
  if (forced.empty()) return isas.back();
  std::string names;
  for (const Isa isa : isas) {
    if (name_of(isa) == forced) return isa;
    names += (names.empty() ? "" : ", ") + std::string(name_of(isa));
  }
  throw Error(ErrorKind::invalid_argument, "",
              "ESRGAN_FORCE_ISA names an instruction set that this processor cannot run", names, forced);
}

}  // namespace esrgan
