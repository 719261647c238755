// Pixels for a length, in the unit that a format wants.
#pragma once

#include <cmath>

#include "image/metadata/metadata.h"

namespace esrgan {

constexpr double centimetres_in_inch = 2.54;

/// The same resolution in another unit. Numbers that are nearly whole become so: 300 per inch are stored as
/// 11811 per metre, and should be 300 again.
inline Resolution in_unit(Resolution from, Resolution::Unit unit) {
  const auto convert = [&](double value) {
    if (from.unit == unit || from.unit == Resolution::Unit::none) return value;
    value = unit == Resolution::Unit::inch ? value * centimetres_in_inch : value / centimetres_in_inch;
    const double whole = std::round(value);
    return std::abs(value - whole) < 0.01 ? whole : value;
  };
  return {convert(from.x), convert(from.y), from.unit == Resolution::Unit::none ? from.unit : unit};
}

}  // namespace esrgan
