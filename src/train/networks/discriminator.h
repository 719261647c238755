// The networks that tell real pictures from enlarged ones.
#pragma once

#include <functional>
#include <memory>

#include "train/networks/layers.h"
#include "train/settings.h"

namespace esrgan::train {

/// Input n x 3 x h x w in [0, 1]; output n x 1 logits, or maps of them. Tensor names are BasicSR's where it
/// has the network.
using MakeNetwork = std::function<std::shared_ptr<Network>()>;

/// What recipes can ask for.
std::vector<std::string> discriminator_names();

/// The discriminator of the section network_D, for patches of `hr_size` pixels a side.
MakeNetwork read_discriminator(Settings net, int hr_size);

}  // namespace esrgan::train
