// One door for every weight format.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "weights/selection.h"
#include "weights/state_dict.h"

namespace esrgan {

/// Reads safetensors, .pth, ONNX or ncnn files (either of the .param/.bin pair may be named), or one inside
/// the program (builtin.h). The format is told by content, for ncnn by extension. Throws Error naming the
/// file, and the tensor where one holds numbers that are not finite. Of the first two only the tensors that
/// `select` chooses are read.
StateDict read_weights(const std::filesystem::path& path, const Selector& select = select_all);

/// The text pairs of a safetensors file, from its header alone; of other formats none. Throws Error when the
/// file cannot be opened, or is no weight file at first sight.
std::map<std::string, std::string> read_weights_metadata(const std::filesystem::path& path);

}  // namespace esrgan
