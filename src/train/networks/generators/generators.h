// What each file of this folder adds to the table of generators.
#pragma once

#include <memory>

#include "model/architecture.h"
#include "train/networks/layers.h"

namespace esrgan::train {

std::shared_ptr<Network> make_rrdbnet(const Architecture& a);
std::shared_ptr<Network> make_compact(const Architecture& a);
std::shared_ptr<Network> make_msrresnet(const Architecture& a);
std::shared_ptr<Network> make_srresnet(const Architecture& a);
std::shared_ptr<Network> make_span(const Architecture& a);

/// By how much each step of a network that enlarges in steps does it.
int step_factor(const Architecture& a);

}  // namespace esrgan::train
