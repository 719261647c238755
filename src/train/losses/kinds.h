// What each file of this folder adds to the table of losses.
#pragma once

#include "train/losses/loss.h"

namespace esrgan::train {

MakeLoss read_l1(Settings& settings);
MakeLoss read_l2(Settings& settings);
MakeLoss read_charbonnier(Settings& settings);
MakeLoss read_perceptual(Settings& settings);
/// The same with a distance that stands elsewhere.
MakeLoss perceptual(Settings& settings, Distance distance);
MakeLoss read_total_variation(Settings& settings);
MakeLoss read_ms_ssim(Settings& settings);
MakeLoss read_artefacts(Settings& settings);
MakeLoss read_gradient(Settings& settings);
MakeLoss read_colour(Settings& settings);
MakeLoss read_feature_matching(Settings& settings);
MakeLoss read_lpips(Settings& settings);
MakeLoss read_dists(Settings& settings);

}  // namespace esrgan::train
