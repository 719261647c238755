// ncnn models: a .param text that lists the layers, and a .bin with their weights in the same order.
// Source of the format: https://github.com/Tencent/ncnn/wiki/param-and-model-file-structure
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "weights/state_dict.h"

namespace esrgan {

/// Reads an RRDBNet or SRVGGNetCompact that was exported to ncnn. The file has no tensor names, so they are
/// given here, in canonical form, by the order of the layers. The layers themselves are checked: one that
/// this family does not have, or with another activation or residual scale, is refused by name rather than
/// misread. `param_file` and `bin_file` are for messages.
StateDict read_ncnn(std::string_view param, std::span<const uint8_t> bin, const std::string& param_file,
                    const std::string& bin_file);

}  // namespace esrgan
