// The definition of every operation, written down: plain loops in double precision over whole maps. Slow, and
// right by inspection.
#pragma once

#include <memory>

#include "device/device.h"

namespace esrgan {

std::unique_ptr<Device> make_reference_device();

}  // namespace esrgan
