// Winograd's F(4x4, 3x3) (Lavin and Gray 2016, arXiv:1509.09308): a tile of 4x4 outputs from 6x6 inputs with
// 36 multiplications for each pair of channels instead of 144. Compiled once for each instruction set; see
// direct_conv.h on what this may include.
//
// With the interpolation points 0, a, -a, b, -b and infinity, 1-D, for inputs d, filter g and outputs y:
//   y = A' [(G g) * (B' d)]
//   B' rows: a^2 b^2 d0 - (a^2 + b^2) d2 + d4;  (d4 - b^2 d2) +- a (d3 - b^2 d1);  the same with a and b
//            exchanged;  a^2 b^2 d1 - (a^2 + b^2) d3 + d5
//   G rows:  g0 / (a^2 b^2);  (g0 +- a g1 + a^2 g2) / (2 a^2 (a^2 - b^2));  with a and b exchanged;  g2
//   A' column of a point p: 1, p, p^2, p^3; of infinity: 0, 0, 0, 1
// Points 3/4 and 3/2 keep the numbers smaller than the usual 1 and 2: what counts with 16-bit factors.
#pragma once

#include <stddef.h>  // NOLINT(modernize-deprecated-headers)

namespace esrgan {

constexpr int winograd_tile = 4;    ///< output pixels along an axis
constexpr int winograd_window = 6;  ///< input pixels along an axis
constexpr int winograd_points = winograd_window * winograd_window;
constexpr float winograd_a = 0.75F, winograd_b = 1.5F;

/// Tiles [tile_begin, tile_end) of one row of tiles, all channels of one input.
struct WinogradInput {
  const float* rows[winograd_window] = {};  ///< the six rows, at their column `first`
  int first = 0;
  ptrdiff_t pixel = 0;
  int width = 0;  ///< pixels of a row, after the enlargement
  int shift = 0;  ///< 1 when every pixel counts twice (nearest-neighbour enlargement by 2)
  int channels = 0;
  int tile_begin = 0, tile_end = 0;
  void* to = nullptr;                           ///< [tile][point][channel], at tile_begin
  ptrdiff_t point_stride = 0, tile_stride = 0;  ///< in elements
};

/// One of the inputs whose products are summed up.
struct WinogradFactor {
  const void* data = nullptr;  ///< [tile][point][channel]
  ptrdiff_t point_stride = 0, tile_stride = 0;
  int channels = 0;  ///< a multiple of the kernel's depth
};

/// All points, some tiles, one block of output channels.
struct WinogradProduct {
  const WinogradFactor* factors = nullptr;
  int factor_count = 0;
  int tiles = 0;
  int vectors = 0;                ///< 1 or 2: width of the block
  const void* weights = nullptr;  ///< [point][channel / depth][vectors * lanes][depth]
  ptrdiff_t weights_point_stride = 0;
  float* to = nullptr;  ///< [point][tile][vectors * lanes]
  ptrdiff_t to_point_stride = 0;
};

struct WinogradResidual {
  const float* rows[winograd_tile] = {};
  ptrdiff_t pixel = 0;
  float scale = 1;
};

/// Some tiles of one row of tiles, one block of output channels.
struct WinogradOutput {
  const float* from = nullptr;  ///< [point][tile][vectors * lanes]
  ptrdiff_t point_stride = 0;
  int vectors = 0;
  int tiles = 0;
  float* rows[winograd_tile] = {};  ///< first pixel of the first tile, channel 0
  int row_count = 0;                ///< rows that exist
  ptrdiff_t pixel = 0;
  int width = 0;                 ///< pixels from there on that exist
  int first = 0, channels = 0;   ///< of the block
  const float* bias = nullptr;   ///< padded to the width of the blocks
  const float* slope = nullptr;  ///< likewise, or null
  float scale = 1;
  WinogradResidual residuals[2];
  int residual_count = 0;
};

/// What one instruction set offers.
struct WinogradKernel {
  const char* name = nullptr;
  int lanes = 0;
  int depth = 0;    ///< products that one instruction adds up for each lane
  int element = 0;  ///< bytes of a factor: 4 for float, 2 for bfloat16
  void (*transform_input)(const WinogradInput&) = nullptr;
  void (*multiply)(const WinogradProduct&) = nullptr;
  void (*transform_output)(const WinogradOutput&) = nullptr;
};

WinogradKernel winograd_generic();
#if defined(__x86_64__)
WinogradKernel winograd_avx2();
WinogradKernel winograd_avx512();
WinogradKernel winograd_avx512_bf16();
#elif defined(__aarch64__)
WinogradKernel winograd_neon();
#endif

}  // namespace esrgan
