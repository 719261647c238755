// The rows of the table.
#pragma once

#include "model/family.h"

namespace esrgan {

extern const Family rrdbnet, compact, msrresnet, span, srresnet;

}  // namespace esrgan
