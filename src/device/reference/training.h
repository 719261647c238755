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

void silu(ptrdiff_t count, const float* x, float* y);
void silu_gradient(ptrdiff_t count, const float* x, const float* dy, float* dx);

void gate(ptrdiff_t count, const float* o, const float* x, float* y);
void gate_gradient(ptrdiff_t count, const float* o, const float* x, const float* dy, float* d_o, float* dx);

}  // namespace esrgan::reference
