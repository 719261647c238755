// All losses. One of a file of its own, which CMake finds by itself, is a line here.
#pragma once

#include "train/losses/loss.h"

namespace esrgan::train {

/// KIND(type in recipes, name in tables, what reads its keys, needs a discriminator, needs a running mean)
#define ESRGAN_LOSS_KINDS(KIND)                                            \
  KIND("l1", "pixel", read_l1, false, false)                               \
  KIND("l2", "pixel", read_l2, false, false)                               \
  KIND("charbonnier", "pixel", read_charbonnier, false, false)             \
  KIND("vgg", "feature", read_perceptual, false, false)                    \
  KIND("ms-ssim", "ms_ssim", read_ms_ssim, false, false)                   \
  KIND("tv", "tv", read_total_variation, false, false)                     \
  KIND("gradient", "gradient", read_gradient, false, false)                \
  KIND("colour", "colour", read_colour, false, false)                      \
  KIND("ldl", "ldl", read_artefacts, false, true)                          \
  KIND("feature-matching", "matching", read_feature_matching, true, false) \
  KIND("lpips", "lpips", read_lpips, false, false)                         \
  KIND("dists", "dists", read_dists, false, false)

#define ESRGAN_DECLARE_LOSS(type, name, read, discriminator, running_mean) MakeLoss read(Settings& settings);
ESRGAN_LOSS_KINDS(ESRGAN_DECLARE_LOSS)
#undef ESRGAN_DECLARE_LOSS

/// read_perceptual() with a distance that stands elsewhere.
MakeLoss perceptual(Settings& settings, Distance distance);

}  // namespace esrgan::train
