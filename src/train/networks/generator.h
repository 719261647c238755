// The networks that enlarge, as LibTorch modules with the canonical tensor names.
#pragma once

#include <memory>

#include "model/architecture.h"
#include "train/networks/layers.h"

namespace esrgan::train {

/// Makes the network of an architecture with fresh weights (definitions: Kaiming normal, a tenth of it where
/// the family has it so). Input n x in_channels x h x w in [0, 1], output scale times as large. Throws Error
/// for what cannot be trained.
std::shared_ptr<Network> make_generator(const Architecture& architecture);

}  // namespace esrgan::train
