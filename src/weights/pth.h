// PyTorch checkpoints (.pth, .pt): the zip format of torch.save() since 1.6, and the older one.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "weights/selection.h"
#include "weights/state_dict.h"

namespace esrgan {

bool looks_like_pth(std::span<const uint8_t> bytes);

/// Reads those tensors of a checkpoint that `select` chooses; of nested dicts the keys are joined by dots.
/// Nothing in the file is executed. Throws Error naming `file`.
StateDict read_pth(std::span<const uint8_t> bytes, const std::string& file, const Selector& select);

}  // namespace esrgan
