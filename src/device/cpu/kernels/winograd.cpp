#include "device/cpu/kernels/winograd.h"

#include "device/cpu/kernels/epilogue.h"
#include "device/cpu/kernels/vec.h"
#include "device/cpu/kernels/winograd_1d.h"

namespace esrgan {
namespace ESRGAN_TARGET {
namespace {

using Element = Factors::Element;

/// One tile, one vector of channels. `columns` holds the offset of each of the six columns, or -1 for one
/// beyond the edges.
ESRGAN_INLINE void transform_tile(const WinogradInput& args, const ptrdiff_t* columns, int channel,
                                  Element* to) {
  const int valid = args.channels - channel;
  Vec half[winograd_points];
  for (int x = 0; x < winograd_window; ++x) {
    Vec d[winograd_window];
    for (int y = 0; y < winograd_window; ++y)
      d[y] = columns[x] < 0 ? Vec::zero() : load_part(args.rows[y] + columns[x] + channel, valid);
    input_1d(d, half + x, winograd_window);
  }
  for (int y = 0; y < winograd_window; ++y) {
    Vec row[winograd_window];
    input_1d(half + y * winograd_window, row, 1);
    for (int x = 0; x < winograd_window; ++x)
      Factors::store(row[x], to + (y * winograd_window + x) * args.point_stride);
  }
}

void transform_input(const WinogradInput& args) {
  auto* to = static_cast<Element*>(args.to);
  for (int tile = args.tile_begin; tile < args.tile_end; ++tile, to += args.tile_stride) {
    ptrdiff_t columns[winograd_window];
    for (int x = 0; x < winograd_window; ++x) {
      const int column = tile * winograd_tile - 1 + x;
      columns[x] =
          column < 0 || column >= args.width ? -1 : ((column >> args.shift) - args.first) * args.pixel;
    }
    for (int c = 0; c < args.channels; c += Vec::lanes) transform_tile(args, columns, c, to + c);
  }
}

/// The sums of one point for a few tiles stay in registers over all input channels. Every third tile has a
/// pointer of its own: the two after it are reached by the processor's scaled addressing.
template <int Tiles, int Vectors>
__attribute__((noinline)) void multiply_tiles(const WinogradProduct& args, int point, int tile) {
  constexpr int pointers = (Tiles + 2) / 3;
  constexpr int step = Factors::depth;
  Vec sum[Tiles][Vectors];
#pragma GCC unroll 24
  for (int t = 0; t < Tiles; ++t)
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) sum[t][v] = Vec::zero();
  const Element* weights = static_cast<const Element*>(args.weights) + point * args.weights_point_stride;
  for (int f = 0; f < args.factor_count; ++f) {
    const WinogradFactor& factor = args.factors[f];
    const ptrdiff_t stride = factor.tile_stride;
    const Element* x[pointers];
#pragma GCC unroll 8
    for (int i = 0; i < pointers; ++i)
      x[i] = static_cast<const Element*>(factor.data) + point * factor.point_stride + (tile + 3 * i) * stride;
#pragma GCC unroll 4
    for (int c = 0; c < factor.channels; c += step) {
      Factors w[Vectors];
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) w[v] = Factors::load(weights + v * Vec::lanes * step);
#pragma GCC unroll 24
      for (int t = 0; t < Tiles; ++t) {
        const Factors value = Factors::all(x[t / 3] + t % 3 * stride);
#pragma GCC unroll 2
        for (int v = 0; v < Vectors; ++v) sum[t][v] = plus_product(sum[t][v], value, w[v]);
      }
#pragma GCC unroll 8
      for (int i = 0; i < pointers; ++i) x[i] += step;
      weights += Vectors * Vec::lanes * step;
    }
  }
  float* to = args.to + point * args.to_point_stride + tile * Vectors * Vec::lanes;
#pragma GCC unroll 24
  for (int t = 0; t < Tiles; ++t)
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) sum[t][v].store(to + (t * Vectors + v) * Vec::lanes);
}

template <int Tiles, int Vectors>
void multiply_count(const WinogradProduct& args, int count, int point, int tile) {
  if (count == Tiles)
    multiply_tiles<Tiles, Vectors>(args, point, tile);
  else if constexpr (Tiles > 1)
    multiply_count<Tiles - 1, Vectors>(args, count, point, tile);
}

template <int Vectors>
void multiply_block(const WinogradProduct& args) {
  // Groups of nearly equal size: a small rest would use the registers badly.
  const int groups = (args.tiles + Vec::pixels - 1) / Vec::pixels;
  for (int point = 0; point < winograd_points; ++point)
    for (int group = 0; group < groups; ++group) {
      const int begin = args.tiles * group / groups, end = args.tiles * (group + 1) / groups;
      multiply_count<Vec::pixels, Vectors>(args, end - begin, point, begin);
    }
}

void multiply(const WinogradProduct& args) {
  if (args.vectors == 2)
    multiply_block<2>(args);
  else
    multiply_block<1>(args);
}

/// One tile, one vector of channels.
ESRGAN_INLINE void finish_tile(const WinogradOutput& args, const float* from, int tile, int vector) {
  const int channel = args.first + vector * Vec::lanes, valid = args.channels - vector * Vec::lanes;
  Vec half[winograd_tile * winograd_window];
  for (int x = 0; x < winograd_window; ++x) {
    Vec m[winograd_window];
    for (int y = 0; y < winograd_window; ++y)
      m[y] = Vec::load(from + (y * winograd_window + x) * args.point_stride);
    output_1d(m, half + x, winograd_window);
  }
  const Vec bias = Vec::load(args.bias + channel);
  const int left = args.width - tile * winograd_tile;
  const int columns = left < winograd_tile ? left : winograd_tile;
  for (int y = 0; y < args.row_count; ++y) {
    Vec out[winograd_tile];
    output_1d(half + y * winograd_window, out, 1);
    for (int x = 0; x < columns; ++x) {
      const ptrdiff_t px = tile * winograd_tile + x;
      const Vec value = finish(args, out[x].plus(bias), channel, px, y, valid);
      store_part(value, args.rows[y] + px * args.pixel + channel, valid);
    }
  }
}

void transform_output(const WinogradOutput& args) {
  const float* from = args.from;
  for (int tile = 0; tile < args.tiles; ++tile)
    for (int v = 0; v < args.vectors; ++v, from += Vec::lanes)
      if (v * Vec::lanes < args.channels) finish_tile(args, from, tile, v);
}

}  // namespace
}  // namespace ESRGAN_TARGET

WinogradKernel ESRGAN_CONCAT(winograd_, ESRGAN_TARGET)() {
  namespace target = ESRGAN_TARGET;
  return {ESRGAN_TEXT(ESRGAN_TARGET), target::Vec::lanes, target::Factors::depth,   sizeof(target::Element),
          &target::transform_input,   &target::multiply,  &target::transform_output};
}

}  // namespace esrgan
