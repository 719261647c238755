// The rows of the table.
#pragma once

#include "model/family.h"

namespace esrgan {

extern const Family rrdbnet, compact, msrresnet, srresnet;

}  // namespace esrgan
