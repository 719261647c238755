// Which instruction set the kernels may use.
#pragma once

#include <string>
#include <vector>

namespace esrgan {

/// Ordered from the most general to the fastest.
enum class Isa { generic, neon, avx2, avx512 };

const char* name_of(Isa isa);

/// Instruction sets that this processor has and this build knows, in ascending order.
std::vector<Isa> supported_isas();

/// Throws Error when this processor cannot run kernels of an instruction set, or this build has none.
void require_supported(Isa isa);

/// The fastest supported instruction set, or the one named by the environment variable ESRGAN_FORCE_ISA.
/// Throws Error when that name is unknown or the processor lacks it.
Isa chosen_isa();

}  // namespace esrgan
