#include "device/cpu/kernels/winograd_gradient.h"

#include "device/cpu/kernels/vec.h"
#include "device/cpu/kernels/winograd_1d.h"

namespace esrgan {
namespace ESRGAN_TARGET {
namespace {

using Element = Factors::Element;

constexpr int depth = Factors::depth;
constexpr int taps = 9;

/// A 2-D transform by rows and columns: `Window` numbers a side become six.
template <int Window, void (*Transform)(const Vec*, Vec*, ptrdiff_t)>
ESRGAN_INLINE void transform_tile(const WinogradTileRow& args, int tile, int channel, Vec* out) {
  constexpr int before = Window == winograd_window ? 1 : 0;  // columns to the left of the tile
  const int valid = args.channels - channel;
  Vec half[winograd_window * Window];
  for (int x = 0; x < Window; ++x) {
    const int column = tile * winograd_tile - before + x;
    const bool inside = column >= 0 && column < args.width;
    Vec d[Window];
    for (int y = 0; y < Window; ++y)
      d[y] = inside ? load_part(args.rows[y] + column * args.pixel + channel, valid) : Vec::zero();
    Transform(d, half + x, Window);
  }
  for (int y = 0; y < winograd_window; ++y) Transform(half + y * Window, out + y * winograd_window, 1);
}

template <int Window, void (*Transform)(const Vec*, Vec*, ptrdiff_t)>
void tile_row(const WinogradTileRow& args) {
  auto* to = static_cast<Element*>(args.to);
  for (int tile = 0; tile < args.tiles; tile += depth, to += args.group_stride)
    for (int c = 0; c < args.channels; c += Vec::lanes) {
      Vec points[depth * winograd_points];
      for (int i = 0; i < depth; ++i) {
        Vec* out = points + i * winograd_points;
        if (tile + i < args.tiles)
          transform_tile<Window, Transform>(args, tile + i, c, out);
        else
          for (int p = 0; p < winograd_points; ++p) out[p] = Vec::zero();
      }
      for (int p = 0; p < winograd_points; ++p)
        Factors::store_interleaved(points + p, winograd_points, to + p * args.point_stride + c * depth);
    }
}

void input_tiles(const WinogradTileRow& args) {
  tile_row<winograd_window, input_1d>(args);
}

void gradient_tiles(const WinogradTileRow& args) {
  tile_row<winograd_tile, gradient_1d>(args);
}

/// The sums of a few input channels with one or two vectors of output channels stay in registers over all
/// tiles.
template <int Channels, int Vectors>
__attribute__((noinline)) void add_block(const WinogradSums& args, int point, int channel, int vector) {
  float* sums = args.sums + point * args.point_stride + channel * args.input_stride + vector * Vec::lanes;
  Vec sum[Channels][Vectors];
#pragma GCC unroll 24
  for (int c = 0; c < Channels; ++c)
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) sum[c][v] = Vec::load(sums + c * args.input_stride + v * Vec::lanes);
  const Element* x =
      static_cast<const Element*>(args.inputs.data) + point * args.inputs.point_stride + channel * depth;
  const Element* g = static_cast<const Element*>(args.gradients.data) + point * args.gradients.point_stride +
                     vector * Vec::lanes * depth;
  for (int group = 0; group < args.groups; ++group) {
    Factors w[Vectors];
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) w[v] = Factors::load(g + v * Vec::lanes * depth);
#pragma GCC unroll 24
    for (int c = 0; c < Channels; ++c) {
      const Factors value = Factors::all(x + c * depth);
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) sum[c][v] = plus_product(sum[c][v], value, w[v]);
    }
    x += args.inputs.group_stride;
    g += args.gradients.group_stride;
  }
#pragma GCC unroll 24
  for (int c = 0; c < Channels; ++c)
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) sum[c][v].store(sums + c * args.input_stride + v * Vec::lanes);
}

template <int Channels, int Vectors>
void add_count(const WinogradSums& args, int count, int point, int channel, int vector) {
  if (count == Channels)
    add_block<Channels, Vectors>(args, point, channel, vector);
  else if constexpr (Channels > 1)
    add_count<Channels - 1, Vectors>(args, count, point, channel, vector);
}

void add_products(const WinogradSums& args) {
  const int blocks = (args.input_channels + Vec::pixels - 1) / Vec::pixels;
  for (int point = 0; point < winograd_points; ++point)
    for (int vector = 0; vector < args.output_vectors; vector += 2)
      for (int block = 0; block < blocks; ++block) {
        const int begin = args.input_channels * block / blocks,
                  end = args.input_channels * (block + 1) / blocks;
        if (vector + 1 < args.output_vectors)
          add_count<Vec::pixels, 2>(args, end - begin, point, begin, vector);
        else
          add_count<Vec::pixels, 1>(args, end - begin, point, begin, vector);
      }
}

/// The filters between one input channel and one vector of output channels.
ESRGAN_INLINE void transform_filter(const WinogradFilters& args, int in, int vector, Vec* out) {
  float g[taps][Vec::lanes] = {};
  for (int lane = 0; lane < Vec::lanes && vector * Vec::lanes + lane < args.out_channels; ++lane) {
    const float* from = args.weights + (vector * Vec::lanes + lane) * args.out_stride + in * args.in_stride;
    for (int t = 0; t < taps; ++t) g[t][lane] = from[args.turned ? taps - 1 - t : t];
  }
  Vec half[winograd_window * 3];
  for (int x = 0; x < 3; ++x) {
    const Vec column[3] = {Vec::load(g[x]), Vec::load(g[3 + x]), Vec::load(g[6 + x])};
    filter_1d(column, half + x, 3);
  }
  for (int y = 0; y < winograd_window; ++y) filter_1d(half + y * 3, out + y * winograd_window, 1);
}

void transform_filters(const WinogradFilters& args) {
  const int width = args.vectors * Vec::lanes;
  for (int in = 0; in < args.in_channels; in += depth)
    for (int vector = 0; vector < args.vectors; ++vector) {
      Vec points[depth * winograd_points];
      for (int i = 0; i < depth; ++i) {
        Vec* out = points + i * winograd_points;
        if (in + i < args.in_channels)
          transform_filter(args, in + i, vector, out);
        else
          for (int p = 0; p < winograd_points; ++p) out[p] = Vec::zero();
      }
      Element* to = static_cast<Element*>(args.to) + (in / depth * width + vector * Vec::lanes) * depth;
      for (int p = 0; p < winograd_points; ++p)
        Factors::store_interleaved(points + p, winograd_points, to + p * args.point_stride);
    }
}

void filter_gradient(const WinogradFilterGradient& args) {
  for (int first = 0; first < args.out_channels; first += Vec::lanes) {
    Vec half[3 * winograd_window];
    for (int x = 0; x < winograd_window; ++x) {
      Vec d[winograd_window];
      for (int y = 0; y < winograd_window; ++y)
        d[y] = Vec::load(args.sums + (y * winograd_window + x) * args.point_stride + first);
      filter_gradient_1d(d, half + x, winograd_window);
    }
    float g[taps][Vec::lanes];
    for (int y = 0; y < 3; ++y) {
      Vec row[3];
      filter_gradient_1d(half + y * winograd_window, row, 1);
      for (int x = 0; x < 3; ++x) row[x].store(g[y * 3 + x]);
    }
    for (int lane = 0; lane < Vec::lanes && first + lane < args.out_channels; ++lane)
      for (int t = 0; t < taps; ++t) args.to[(first + lane) * args.out_stride + t] = g[t][lane];
  }
}

void gradient_pixels(const GradientPixels& args) {
  float factors[2] = {args.scale * args.slope, args.scale};
  for (ptrdiff_t i = 0; i < args.pixels; ++i) {
    const float* from = args.from + i * args.from_pixel;
    float* to = args.to + i * args.to_pixel;
    if (args.activated != nullptr) {
      const float* gate = args.activated + i * args.activated_pixel;
      for (int c = 0; c < args.channels; ++c) to[c] = from[c] * (gate[c] > 0 ? factors[1] : factors[0]);
    } else {
      for (int c = 0; c < args.channels; ++c) to[c] = from[c] * factors[1];
    }
    for (int c = 0; c < args.channels; ++c) args.sums[c] += to[c];
  }
}

void prelu_pixels(const PreluPixels& args) {
  for (ptrdiff_t i = 0; i < args.pixels; ++i) {
    const float* x = args.input + i * args.channels;
    const float* gradient = args.gradient + i * args.channels;
    float* to = args.to + i * args.channels;
    for (int c = 0; c < args.channels; ++c) {
      to[c] = gradient[c] * (x[c] > 0 ? 1.0F : args.slopes[c]);
      args.sums[c] += gradient[c] * (x[c] < 0 ? x[c] : 0.0F);
    }
  }
}

}  // namespace
}  // namespace ESRGAN_TARGET

WinogradGradientKernel ESRGAN_CONCAT(winograd_gradient_, ESRGAN_TARGET)() {
  namespace target = ESRGAN_TARGET;
  return {&target::input_tiles,       &target::gradient_tiles,  &target::add_products,
          &target::transform_filters, &target::filter_gradient, &target::gradient_pixels,
          &target::prelu_pixels};
}

}  // namespace esrgan
