// ncnn models: a .param text that lists the layers, and a .bin with their weights in the same order.
// Source of the format: https://github.com/Tencent/ncnn/wiki/param-and-model-file-structure
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "weights/state_dict.h"

namespace esrgan {

/// Reads a network of convolutions and PReLU, and of layers without weights. The file has no tensor names:
/// those of layer N are called N.weight and N.bias, and `layers` tells what kind each is. A layer of which it
/// is not known what weights it has is refused by name rather than misread. `param_file` and `bin_file` are
/// for messages.
StateDict read_ncnn(std::string_view param, std::span<const uint8_t> bin, const std::string& param_file,
                    const std::string& bin_file);

}  // namespace esrgan
