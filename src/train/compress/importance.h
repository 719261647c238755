// How much the channels of a network matter.
#pragma once

#include "compress/prune.h"
#include "train/compress/calibration.h"

namespace esrgan::train {

/// To first order what the loss (L1) would change by without a channel: the sum over its weights of |gradient
/// * weight| (Molchanov et al. 2019, arXiv:1906.10771), its mean over the batches. `done`: after each, how
/// many there were.
ChannelImportance taylor_importance(const Model& model, const CalibrationData& data,
                                    const std::function<void(int)>& done);

}  // namespace esrgan::train
