// Frames together with those around them, for networks that see several.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "video/pipeline.h"

namespace esrgan::video {

/// Frames that begin another shot, by their numbers in the film.
using Cuts = std::set<int64_t>;

/// A file with such a number in each line, from 0; what follows a # is passed over. Throws Error.
Cuts read_cuts(const std::string& file);

}  // namespace esrgan::video
