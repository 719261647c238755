// Devices that may fail, and several of them as one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "device/device.h"

namespace esrgan {

/// All of them work on the same tile, each on some rows of it, as many as it is fast; the first is asked
/// first what it is. Where one's memory does not suffice, its part is cut in two. What is left when one is
/// lost is done by the others, or by `last_resort` when none is left; both is said. The seams of parts lie
/// `halo` pixels inside what each device sees.
std::unique_ptr<Device> make_team(std::vector<std::unique_ptr<Device>> members,
                                  std::unique_ptr<Device> last_resort);

/// Pixels that a device sees beyond its part of a tile, where networks look farther.
constexpr int team_halo = 64;

}  // namespace esrgan
