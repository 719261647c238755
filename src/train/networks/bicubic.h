// The published bicubic as an operation that gradients pass through.
#pragma once

#include <torch/types.h>

namespace esrgan::train {

/// n x c x h x w enlarged (or reduced, antialiased) by `factor` as resize_bicubic() does it, without
/// rounding.
torch::Tensor resized_bicubic(const torch::Tensor& x, double factor);

}  // namespace esrgan::train
