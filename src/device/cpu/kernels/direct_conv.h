// Direct convolution over packed weights, compiled once for each instruction set.
//
// This header and direct_conv.cpp are compiled with flags such as -mavx2, so neither includes anything of the
// standard library that could be instantiated there: an inline function compiled with those flags and merged
// by the linker would run on processors that lack them. tests/kernels/isa_hygiene.cmake checks the object
// files.
#pragma once

#include <stddef.h>  // NOLINT(modernize-deprecated-headers): see above

namespace esrgan {

/// Channels of one step over a block of output channels: accumulators live in registers.
struct DirectConvBlock {
  int first = 0;     ///< first output channel
  int channels = 0;  ///< channels that exist; the packed width may be larger
  int vectors = 0;   ///< 1 or 2 SIMD vectors wide
  size_t weights =
      0;  ///< offset in floats of [source][chunk][tap][input channel of the chunk][vectors * lanes]
};

/// Offset of a tap from the output pixel's place in the input, in pixels.
struct DirectConvTap {
  int dx = 0, dy = 0;
};

struct DirectConvResidual {
  const float* const* rows = nullptr;  ///< one for each row to compute
  ptrdiff_t pixel = 0;
  float scale = 1;
};

/// One of the maps whose concatenation is read.
struct DirectConvSource {
  const float* const* rows = nullptr;  ///< pixel 0 of the row of the first output row; others around it
  ptrdiff_t pixel = 0;
  int channels = 0;
};

struct DirectConvArgs {
  const DirectConvSource* sources = nullptr;
  int source_count = 0;
  float* const* dst_rows = nullptr;
  ptrdiff_t dst_pixel = 0;
  int width = 0;  ///< output pixels of a row
  int rows = 0;   ///< to compute
  const DirectConvTap* taps = nullptr;
  int tap_count = 0;
  const DirectConvBlock* blocks = nullptr;
  int block_count = 0;
  const float* weights = nullptr;
  const float* bias = nullptr;   ///< padded to the width of the blocks
  const float* slope = nullptr;  ///< likewise, or null
  float scale = 1;
  DirectConvResidual residuals[2];
  int residual_count = 0;
  float* partial = nullptr;  ///< direct_conv_rows * width * 2 * lanes floats of scratch
};

/// Input channels that are worked on at a time, so that their weights stay in the first-level cache.
constexpr int direct_conv_chunk = 32;

/// Rows that are worked on at a time, so that the weights of a block of output channels are read less often.
constexpr int direct_conv_rows = 4;

/// What one instruction set offers.
struct DirectConvKernel {
  int lanes = 0;
  void (*run)(const DirectConvArgs&) = nullptr;
};

DirectConvKernel direct_conv_generic();
#if defined(__x86_64__)
DirectConvKernel direct_conv_avx2();
DirectConvKernel direct_conv_avx512();
#elif defined(__aarch64__)
DirectConvKernel direct_conv_neon();
#endif

}  // namespace esrgan
