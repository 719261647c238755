// What follows the sums of a convolution, whichever kernel made them.
#pragma once

#include "device/cpu/kernels/vec.h"

namespace esrgan::ESRGAN_TARGET {

/// Activation, scale and residuals of one vector of channels of the pixel at (x, y); `valid` of them exist.
/// Args has slope, scale, residuals (rows, pixel, scale) and residual_count.
template <typename Args>
inline __attribute__((always_inline)) Vec finish(const Args& args, Vec sum, int channel, ptrdiff_t x, int y,
                                                 int valid) {
  if (args.slope != nullptr)
    // In this order x86 keeps a sum that is not a number: max and min return their second operand then.
    sum = Vec::zero().max(sum).plus_product(Vec::zero().min(sum), Vec::load(args.slope + channel));
  sum = sum.times(Vec::all(args.scale));
  for (int r = 0; r < args.residual_count; ++r) {
    const auto& residual = args.residuals[r];
    sum = sum.plus_product(load_part(residual.rows[y] + x * residual.pixel + channel, valid),
                           Vec::all(residual.scale));
  }
  return sum;
}

}  // namespace esrgan::ESRGAN_TARGET
