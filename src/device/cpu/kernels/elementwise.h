// Functions of single numbers over rows of a map. Compiled once for each instruction set; see direct_conv.h
// on what this may include.
#pragma once

#include <stddef.h>  // NOLINT(modernize-deprecated-headers)

namespace esrgan {

/// What one instruction set offers. Rows of `count` floats; `to` may be one of the others.
struct ElementwiseKernel {
  /// x * sigmoid(x)
  void (*silu)(const float* x, float* to, ptrdiff_t count) = nullptr;
  /// (x + residual) * (sigmoid(x) - 1/2)
  void (*gate)(const float* x, const float* residual, float* to, ptrdiff_t count) = nullptr;
  /// The gradient of silu() from that of its result.
  void (*silu_gradient)(const float* x, const float* gradient, float* to, ptrdiff_t count) = nullptr;
  /// The gradients of gate() by x and by the residual.
  void (*gate_gradient)(const float* x, const float* residual, const float* gradient, float* to_x,
                        float* to_residual, ptrdiff_t count) = nullptr;
};

ElementwiseKernel elementwise_generic();
#if defined(__x86_64__)
ElementwiseKernel elementwise_avx2();
ElementwiseKernel elementwise_avx512();
#elif defined(__aarch64__)
ElementwiseKernel elementwise_neon();
#endif

}  // namespace esrgan
