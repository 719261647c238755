// Real-ESRGAN's second-order degradation: a small picture as cameras, editors and networks make it of a large
// one.
#pragma once

#include <array>

#include "image/float_image.h"
#include "train/data/random.h"

namespace esrgan::train {

struct Range {
  double low = 0, high = 0;
};

/// One order: blur, resize, noise, compression. The defaults are the published first order's.
struct DegradationStage {
  double blur_probability = 1;
  /// Of isotropic, anisotropic, generalised isotropic, generalised anisotropic, plateau isotropic, plateau
  /// anisotropic.
  std::array<double, 6> kernel_weights{0.45, 0.25, 0.12, 0.03, 0.12, 0.03};
  double sinc_probability = 0.1;
  Range sigma{0.2, 3}, beta_generalised{0.5, 4}, beta_plateau{1, 2};
  std::array<double, 3> resize_weights{0.2, 0.7, 0.1};  ///< up, down, keep
  Range resize{0.15, 1.5};
  double gaussian_probability = 0.5;  ///< otherwise Poisson noise
  Range gaussian_sigma{1, 30};        ///< levels of 8 bits
  Range poisson_scale{0.05, 3};
  double gray_probability = 0.4;
  Range jpeg_quality{30, 95};
};

struct DegradationRecipe {
  bool on = false;
  DegradationStage first, second{.blur_probability = 0.8,
                                 .sigma = {0.2, 1.5},
                                 .resize_weights = {0.3, 0.4, 0.3},
                                 .resize = {0.3, 1.2},
                                 .gaussian_sigma = {1, 25},
                                 .poisson_scale = {0.05, 2.5}};
  double final_sinc_probability = 0.8;
  bool sharpen = true;  ///< learn towards the sharpened picture, and reduce that one
};

/// The picture (RGB in [0, 1], sides multiples of `scale`) reduced by `scale`, rounded to 8 bits. What
/// happens depends on `random` alone.
FloatImage degrade(const FloatImage& picture, const DegradationRecipe& recipe, int scale, Random& random);

/// Unsharp masking as Real-ESRGAN's targets have it: Gaussian of 51 pixels (sigma 8), weight 1/2, where the
/// difference passes 10/255, softly.
FloatImage sharpen(const FloatImage& picture);

}  // namespace esrgan::train
