// What each file of this folder adds to the table of operations.
#pragma once

#include <array>

#include "train/data/degradations/degradation.h"
#include "train/data/degradations/filters.h"
#include "train/data/ranges.h"

namespace esrgan::train {

using Operation = std::unique_ptr<const Degradation>;

/// The kernels of Real-ESRGAN (Wang et al. 2021, arXiv:2107.10833); the defaults are its first order's.
struct BlurRecipe {
  /// Of isotropic, anisotropic, generalised isotropic, generalised anisotropic, plateau isotropic, plateau
  /// anisotropic.
  std::array<double, 6> kernels{0.45, 0.25, 0.12, 0.03, 0.12, 0.03};
  double sinc = 0.1;  ///< probability of a low pass that rings, instead
  Range sigma{0.2, 3}, beta_generalised{0.5, 4}, beta_plateau{1, 2};
  Range size{7, 21};  ///< of the kernels, odd
};
BlurRecipe read_blur_recipe(Settings& settings, const BlurRecipe& defaults);
Operation make_blur(const BlurRecipe& recipe);
/// A low pass that rings as sharpening does: cutoffs from pi/3 to pi.
Operation make_sinc(const Range& size);

struct ResizeRecipe {
  std::array<double, 3> ways{0.2, 0.7, 0.1};  ///< up, down, keep
  Range factor{0.15, 1.5};
  bool of_goal = false;  ///< the factor is of the size at the chain's end, not of the size that there is
  std::vector<Interpolation> filters{Interpolation::area, Interpolation::bilinear, Interpolation::bicubic};
};
ResizeRecipe read_resize_recipe(Settings& settings, const ResizeRecipe& defaults);
Operation make_resize(const ResizeRecipe& recipe);
/// To the size at the chain's end.
Operation make_reduce(const std::vector<Interpolation>& filters);

struct NoiseRecipe {
  double gaussian = 0.5;  ///< probability; otherwise Poisson noise
  Range sigma{1, 30};     ///< levels of 8 bits
  Range poisson{0.05, 3};
  double gray = 0.4;
};
NoiseRecipe read_noise_recipe(Settings& settings, const NoiseRecipe& defaults);
Operation make_noise(const NoiseRecipe& recipe);

Operation make_jpeg(const Range& quality);
Range read_quality(Settings& settings, const std::string& key, const Range& fallback);

/// Groups of operations in an order that is drawn anew each time.
Operation make_any_order(std::vector<DegradationSteps> groups);

Operation read_blur(Settings& settings);
Operation read_sinc(Settings& settings);
Operation read_defocus(Settings& settings);
Operation read_motion(Settings& settings);
Operation read_resize(Settings& settings);
Operation read_reduce(Settings& settings);
Operation read_noise(Settings& settings);
Operation read_jpeg(Settings& settings);
Operation read_webp(Settings& settings);
Operation read_video(Settings& settings);
Operation read_grain(Settings& settings);
Operation read_scratches(Settings& settings);
Operation read_fading(Settings& settings);
Operation read_halation(Settings& settings);
Operation read_gray(Settings& settings);
Operation read_halftone(Settings& settings);
Operation read_any_order(Settings& settings);

}  // namespace esrgan::train
