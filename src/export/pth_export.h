// A network as PyTorch's programs for it take it.
#pragma once

#include <filesystem>

#include "model/model.h"

namespace esrgan {

/// Writes a .pth with the layers and names that BasicSR, spandrel and chaiNNer know.
void export_pth(const Model& model, bool half, const std::filesystem::path& target);

}  // namespace esrgan
