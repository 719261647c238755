// One door for every weight format.
#pragma once

#include <filesystem>

#include "weights/state_dict.h"

namespace esrgan {

/// Reads safetensors, .pth or ncnn files (either of the .param/.bin pair may be named). The format is told
/// by content, for ncnn by extension. Throws Error naming the file.
StateDict read_weights(const std::filesystem::path& path);

}  // namespace esrgan
