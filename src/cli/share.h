// A share of the work, for one of several machines.
#pragma once

#include <esrgan/video.h>

#include <string>

namespace esrgan::cli {

/// "2/4"; "auto", by what a launcher tells its processes (docs/many-machines.md); "auto/4" where it does not
/// tell how many there are. Throws Error naming `option`.
Share read_share(const std::string& text, const std::string& option);

}  // namespace esrgan::cli
