// PSNR and SSIM as the super-resolution literature computes them.
#pragma once

#include "image/float_image.h"

namespace esrgan {

enum class MetricChannels {
  y,   ///< BT.601 luma in 16..235, not rounded; of a gray picture the gray values, as the published tables
       ///< have it
  rgb  ///< all colours; SSIM is the mean over them
};

struct Quality {
  double psnr = 0;  ///< dB, infinite for equal pictures; peak 255, for Y as well
  double ssim = 0;  ///< Wang et al. 2004: 11x11 Gaussian window, sigma 1.5, valid region only
};

/// The Y plane as a gray picture, in [0, 1].
FloatImage luma(const FloatImage& picture);

/// Compares two pictures of the same size with values in [0, 1] after cutting `crop` pixels from each side;
/// alpha, if any, is ignored. Throws Error when the sizes differ or too little is left (SSIM needs 11 pixels
/// each way).
Quality compare(const FloatImage& reference, const FloatImage& test, int crop, MetricChannels channels);

/// The bicubic rows of the published tables, Y channel: computed on luma stored with 8 bits, which was then
/// reduced and enlarged without rounding between, and limited to the range of studio luma, gray pictures as
/// well (VDSR's evaluation; with it the numbers of the papers come out to the last digit). The sides of
/// `truth` are multiples of `scale`.
Quality published_bicubic(const FloatImage& truth, int scale);

}  // namespace esrgan
