// What TrainingKernels computes, as plain loops in double precision: slow, and right by inspection.
#pragma once

#include "device/training.h"

namespace esrgan::reference {

void convolve(const BatchSize& size, const BatchView& x, const FilterView& filters, float slope,
              const BatchView& y);

/// As TrainingKernels::convolve_gradient(); all results are wanted.
void convolve_gradient(const BatchSize& size, const BatchView& x, const FilterView& filters, float slope,
                       const BatchView& y, const BatchView& dy, const BatchView& dx,
                       const FilterView& gradients);

void prelu_gradient(const BatchSize& size, const BatchView& x, const float* slopes, const BatchView& dy,
                    const BatchView& dx, float* slope_gradients);

}  // namespace esrgan::reference
