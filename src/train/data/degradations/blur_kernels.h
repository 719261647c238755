// The blur kernels of Real-ESRGAN's degradation (Wang et al. 2021, arXiv:2107.10833, section 3.2 and appendix
// A).
#pragma once

#include <vector>

#include "train/data/random.h"

namespace esrgan::train {

/// A square of weights that sum up to 1; `size` is odd.
struct BlurKernel {
  int size = 1;
  std::vector<float> weights{1};
};

enum class BlurShape { gaussian, generalised, plateau };

/// f(q) with q = r' S^-1 r, where S has the standard deviations `sigma_x` and `sigma_y` (pixels) along axes
/// turned by `angle`: exp(-q/2); exp(-q^beta / 2) (generalised Gaussian, Liu et al. 2020); 1 / (1 + q^beta)
/// (plateau).
BlurKernel blur_kernel(BlurShape shape, int size, double sigma_x, double sigma_y, double angle, double beta);

/// A circular low pass with cutoff frequency `cutoff` (radians per pixel): w J1(w r) / (2 pi r).
BlurKernel sinc_kernel(int size, double cutoff);

}  // namespace esrgan::train
