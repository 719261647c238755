// ncnn models: a .param text that lists the layers, and a .bin with their weights in the same order.
// Source of the format: https://github.com/Tencent/ncnn/wiki/param-and-model-file-structure
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "weights/state_dict.h"

namespace esrgan {

constexpr const char* ncnn_magic = "7767517";       // the first line of a .param
constexpr uint32_t ncnn_half_weights = 0x01306B47;  // before weights of float16

/// Reads a network of convolutions and PReLU, and of layers without weights. The file has no tensor names:
/// those of layer N are called N.weight and N.bias, a single number N.number, and `layers` tells what kind
/// each is. A layer of which it is not known what weights it has is refused by name rather than misread.
/// `param_file` and `bin_file` are for messages.
StateDict read_ncnn(std::string_view param, std::span<const uint8_t> bin, const std::string& param_file,
                    const std::string& bin_file);

}  // namespace esrgan
