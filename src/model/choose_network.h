// Finds the network that enlarges among all that a file holds.
#pragma once

#include <string>
#include <vector>

#include "weights/selection.h"

namespace esrgan {

/// Trainers save several networks in one file, under keys and prefixes of their own (generator., params_ema,
/// state_dict.model.net_g.), and wrap them (module., torch.compile's _orig_mod.). Every group of tensors
/// under one prefix that is a known network is a candidate; of several an average over the training steps
/// (ema) is taken first, then what trainers call the generator, then the one with the shortest prefix.
/// Counters are left out. Without any candidate all tensors that have a prefix in common lose it.
Selection choose_network(const std::vector<std::string>& names);

}  // namespace esrgan
