// Training with Winograd's F(4x4, 3x3): what a convolution's gradients need beside winograd.h's kernels,
// which serve the pass forward and, with turned filters, the gradient of the input. Compiled once for each
// instruction set; see direct_conv.h on what this may include.
//
// With V = B' d B of an input tile, M = A e A' of the 4x4 gradients e of the tile's outputs, and the notation
// of winograd.h, the filter's gradient is G' (sum over tiles of V * M) G.
#pragma once

#include "device/cpu/kernels/winograd.h"

namespace esrgan {

/// Tiles [0, tiles) of one row of tiles, all channels of one set of maps, for sums over tiles: as many tiles
/// as one instruction adds up (the kernel's depth) lie together; those beyond `tiles` are zeros.
struct WinogradTileRow {
  const float* rows[winograd_window] =
      {};  ///< pixel 0; inputs: from one above the tiles; gradients: four from their top
  ptrdiff_t pixel = 0;
  int width = 0;  ///< pixels of a row
  int channels = 0;
  int tiles = 0;
  void* to = nullptr;                            ///< [tile / depth][point][channel][depth]
  ptrdiff_t point_stride = 0, group_stride = 0;  ///< in elements
};

/// One operand of the sums over tiles, as WinogradTileRow made it.
struct WinogradOperand {
  const void* data = nullptr;
  ptrdiff_t point_stride = 0, group_stride = 0;
};

/// sums[point][input channel][output channel] += sum over tiles of V * M.
struct WinogradSums {
  WinogradOperand inputs, gradients;
  int groups = 0;  ///< of tiles
  int input_channels = 0;
  int output_vectors = 0;  ///< vectors of output channels, the last one padded
  float* sums = nullptr;
  ptrdiff_t point_stride = 0, input_stride = 0;
};

/// Filters of one block of output channels over the channels of one input, transformed.
struct WinogradFilters {
  const float* weights = nullptr;
  ptrdiff_t out_stride = 0, in_stride = 0;  ///< from one filter of nine taps to another
  bool turned = false;                      ///< by half a turn, as for the gradient of an input
  int in_channels = 0;
  int out_channels = 0;  ///< of the block
  int vectors = 0;       ///< width of the block
  void* to = nullptr;    ///< [point][channel / depth][vectors * lanes][depth], as WinogradProduct wants it
  ptrdiff_t point_stride = 0;
};

/// From sums to the gradients of the filters of one input channel.
struct WinogradFilterGradient {
  const float* sums = nullptr;  ///< of the input channel
  ptrdiff_t point_stride = 0;
  int out_channels = 0;
  float* to = nullptr;  ///< the nine taps of the first output channel's filter
  ptrdiff_t out_stride = 0;
};

/// to = scale * from, where the activation's output is not positive also times `slope`; `sums` grows by the
/// results.
struct GradientPixels {
  const float* from = nullptr;
  ptrdiff_t from_pixel = 0;
  const float* activated = nullptr;  ///< or null: no activation
  ptrdiff_t activated_pixel = 0;
  float scale = 1, slope = 1;
  float* to = nullptr;  ///< may be `from`
  ptrdiff_t to_pixel = 0;
  ptrdiff_t pixels = 0;
  int channels = 0;
  float* sums = nullptr;  ///< one a channel
};

/// The gradients of PReLU: to = gradient, where the input is negative times the channel's slope; `sums` grows
/// by the gradients of the slopes.
struct PreluPixels {
  const float* input = nullptr;  ///< pixels without gaps, as are the others
  const float* gradient = nullptr;
  const float* slopes = nullptr;
  float* to = nullptr;
  ptrdiff_t pixels = 0;
  int channels = 0;
  float* sums = nullptr;
};

/// What one instruction set offers.
struct WinogradGradientKernel {
  void (*input_tiles)(const WinogradTileRow&) = nullptr;
  void (*gradient_tiles)(const WinogradTileRow&) = nullptr;
  void (*add_products)(const WinogradSums&) = nullptr;
  void (*transform_filters)(const WinogradFilters&) = nullptr;
  void (*filter_gradient)(const WinogradFilterGradient&) = nullptr;
  void (*gradient_pixels)(const GradientPixels&) = nullptr;
  void (*prelu_pixels)(const PreluPixels&) = nullptr;
};

WinogradGradientKernel winograd_gradient_generic();
#if defined(__x86_64__)
WinogradGradientKernel winograd_gradient_avx2();
WinogradGradientKernel winograd_gradient_avx512();
WinogradGradientKernel winograd_gradient_avx512_bf16();
#elif defined(__aarch64__)
WinogradGradientKernel winograd_gradient_neon();
#endif

}  // namespace esrgan
