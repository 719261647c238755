// What is done to pictures on their way through a degradation: filters and changes of size.
#pragma once

#include "image/float_image.h"
#include "train/data/degradations/blur_kernels.h"

namespace esrgan::train {

/// The picture filtered by a kernel, mirrored at its edges without repeating them (PyTorch's "reflect").
FloatImage blurred(const FloatImage& picture, const BlurKernel& kernel);

/// The same by a Gaussian of `size` pixels, row by row and column by column.
FloatImage gaussian_blurred(const FloatImage& picture, int size, double sigma);

enum class Interpolation { area, bilinear, bicubic, lanczos, nearest };

/// The picture in another size. "area", "lanczos" see every pixel of what they reduce; the others do not, as
/// in PyTorch's interpolate().
FloatImage resized(const FloatImage& picture, int width, int height, Interpolation interpolation);

/// To [0, 1].
void clamp_to_range(FloatImage& picture);

/// Unsharp masking as Real-ESRGAN's targets have it: Gaussian of 51 pixels (sigma 8), weight 1/2, where the
/// difference passes 10/255, softly.
FloatImage sharpen(const FloatImage& picture);

}  // namespace esrgan::train
