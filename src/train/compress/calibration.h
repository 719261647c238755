// Pictures by which a network that is to become smaller is looked at.
#pragma once

#include <torch/types.h>

#include <functional>
#include <string>

namespace esrgan::train {

struct CalibrationData {
  std::string folder;  ///< of large pictures
  int batches = 16;    ///< of 8 patches each
  int patch = 128;     ///< their side, of the large ones
};

/// Calls work(small, large) for each batch: n x 3 x h x w, [0, 1], the small ones reduced by the published
/// bicubic. The same patches each time. Throws Error when the folder has none.
void for_each_batch(const CalibrationData& data, int scale,
                    const std::function<void(const torch::Tensor& small, const torch::Tensor& large)>& work);

}  // namespace esrgan::train
