// PyTorch checkpoints (.pth, .pt): the zip format of torch.save() since 1.6, and the older one.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "weights/state_dict.h"

namespace esrgan {

bool looks_like_pth(std::span<const uint8_t> bytes);

/// Reads the tensors of a checkpoint; the wrappers of definitions (params_ema, state_dict, ...) are opened.
/// Nothing in the file is executed. Throws Error naming `file`.
StateDict read_pth(std::span<const uint8_t> bytes, const std::string& file);

}  // namespace esrgan
