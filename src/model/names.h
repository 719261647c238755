// The namings in circulation, and the one this project uses.
#pragma once

#include <string>
#include <vector>

#include "weights/state_dict.h"

namespace esrgan {

/// What was found in a file before the architecture is worked out.
enum class Naming {
  canonical,
  rrdb_trunk,
  rrdb_sequential,
  srresnet_lornatang,
  srresnet_leftthomas,
  unknown
};

const char* name_of(Naming naming);

/// Drops the prefixes that trainers and compilers add (module., netG., _orig_mod., ...), counters that
/// inference does not need, and, where several networks share the file, all but the generator. Returns
/// remarks on the latter.
std::vector<std::string> strip_prefixes(StateDict& weights);

/// Renames every tensor to its canonical name and tells which naming was found.
/// Throws Error naming the first tensor that has no place in the naming.
Naming rename_to_canonical(StateDict& weights);

}  // namespace esrgan
