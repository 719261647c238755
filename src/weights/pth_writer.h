// Weights as torch.save() writes them, for programs on PyTorch.
#pragma once

#include <filesystem>

#include "weights/state_dict.h"

namespace esrgan {

/// Writes {"params": OrderedDict of tensors}, which BasicSR, Real-ESRGAN, spandrel and chaiNNer take, in the
/// zip format of PyTorch 1.6 and later; `type`: f32 or f16. The files are the same for the same weights.
/// Appears whole or not at all.
void write_pth(const StateDict& dict, ElementType type, const std::filesystem::path& target);

}  // namespace esrgan
