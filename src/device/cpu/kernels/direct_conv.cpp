#include "device/cpu/kernels/direct_conv.h"

#include "device/cpu/kernels/epilogue.h"
#include "device/cpu/kernels/vec.h"

namespace esrgan {
namespace ESRGAN_TARGET {
namespace {

constexpr int cache_line = 16;  // floats

/// What the inner loop needs to know of a group of neighbouring output pixels and a chunk of input channels.
struct Group {
  const float* const* rows;  // rows[dy] is the row of a tap
  ptrdiff_t offset;          // of the first pixel, at the chunk's first channel
  ptrdiff_t src_pixel;
  const DirectConvTap* taps;
  int tap_count, chunk;
  const float* weights;
};

/// Adds taps x channels of the chunk to accumulators of `Pixels` x `Vectors` registers. Every third pixel has
/// a pointer of its own: the two after it are then reached by the processor's scaled addressing from one
/// register.
template <int Pixels, int Vectors>
inline __attribute__((always_inline)) void accumulate(const Group& group, Vec (&sum)[Pixels][Vectors]) {
  constexpr int pointers = (Pixels + 2) / 3;
  const float* weights = group.weights;
  const ptrdiff_t pixel = group.src_pixel;
  for (int t = 0; t < group.tap_count; ++t) {
    const float* src[pointers];
#pragma GCC unroll 8
    for (int i = 0; i < pointers; ++i)
      src[i] = group.rows[group.taps[t].dy] + group.offset + (group.taps[t].dx + 3 * i) * pixel;
    // The rightmost tap of each kernel row fetches what the next group will read there for the first time.
    if (group.taps[t].dx == group.taps[group.tap_count - 1].dx)
      for (int p = 0; p < Pixels; ++p)
        for (int line = 0; line < group.chunk; line += cache_line)
          __builtin_prefetch(src[0] + (Pixels + p) * pixel + line);
#pragma GCC unroll 4
    for (int c = 0; c < group.chunk; ++c) {
      Vec w[Vectors];
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) w[v] = Vec::load(weights + v * Vec::lanes);
#pragma GCC unroll 24
      for (int p = 0; p < Pixels; ++p) {
        const Vec x = Vec::all(src[p / 3][p % 3 * pixel]);
#pragma GCC unroll 2
        for (int v = 0; v < Vectors; ++v) sum[p][v] = sum[p][v].plus_product(x, w[v]);
      }
#pragma GCC unroll 8
      for (int i = 0; i < pointers; ++i) ++src[i];
      weights += Vectors * Vec::lanes;
    }
  }
}

/// Sums of a group go to `partial`: the next pass over input channels goes on from there. Not inlined, so
/// that the accumulators have all registers to themselves.
template <int Pixels, int Vectors>
__attribute__((noinline)) void run_group(const Group& group, const float* initial, float* partial) {
  Vec sum[Pixels][Vectors];
#pragma GCC unroll 24
  for (int p = 0; p < Pixels; ++p)
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v)
      sum[p][v] =
          Vec::load(initial != nullptr ? initial + v * Vec::lanes : partial + (p * Vectors + v) * Vec::lanes);
  accumulate<Pixels, Vectors>(group, sum);
#pragma GCC unroll 24
  for (int p = 0; p < Pixels; ++p)
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) sum[p][v].store(partial + (p * Vectors + v) * Vec::lanes);
}

/// One chunk of input channels over a row; `initial` is the bias in the first pass, null in later ones.
template <int Vectors>
void run_row(Group group, int width, const float* initial, float* partial) {
  constexpr ptrdiff_t step = Vectors * Vec::lanes;
  while (width > 0) {
    const int pixels = width >= Vec::pixels ? Vec::pixels : (width >= 4 ? 4 : 1);
    if (pixels == Vec::pixels)
      run_group<Vec::pixels, Vectors>(group, initial, partial);
    else if (pixels == 4)
      run_group<4, Vectors>(group, initial, partial);
    else
      run_group<1, Vectors>(group, initial, partial);
    group.offset += pixels * group.src_pixel;
    partial += pixels * step;
    width -= pixels;
  }
}

/// From the complete sums of a row to its output.
void finish_row(const DirectConvArgs& args, const DirectConvBlock& block, const float* sums, int y) {
  for (int x = 0; x < args.width; ++x)
    for (int v = 0; v < block.vectors; ++v, sums += Vec::lanes) {
      const int left = block.channels - v * Vec::lanes;
      const int valid = left < Vec::lanes ? left : Vec::lanes;
      const int channel = block.first + v * Vec::lanes;
      store_part(finish(args, Vec::load(sums), channel, x, y, valid),
                 args.dst_rows[y] + x * args.dst_pixel + channel, valid);
    }
}

/// A block of output channels over a few rows, chunk by chunk of input channels: the chunk's weights are
/// loaded into the first-level cache once for all of the rows.
void run_block(const DirectConvArgs& args, const DirectConvBlock& block, int y_begin, int y_end) {
  const ptrdiff_t row = static_cast<ptrdiff_t>(args.width) * block.vectors * Vec::lanes;
  const float* weights = args.weights + block.weights;
  const float* initial = args.bias + block.first;
  for (int i = 0; i < args.source_count; ++i) {
    const DirectConvSource& source = args.sources[i];
    for (int c = 0; c < source.channels; c += direct_conv_chunk) {
      const int left = source.channels - c;
      const int chunk = left < direct_conv_chunk ? left : direct_conv_chunk;
      for (int y = y_begin; y < y_end; ++y) {
        const Group group{source.rows + y, c, source.pixel, args.taps, args.tap_count, chunk, weights};
        float* partial = args.partial + (y - y_begin) * row;
        if (block.vectors == 2)
          run_row<2>(group, args.width, initial, partial);
        else
          run_row<1>(group, args.width, initial, partial);
      }
      weights += static_cast<ptrdiff_t>(chunk) * args.tap_count * block.vectors * Vec::lanes;
      initial = nullptr;
    }
  }
  for (int y = y_begin; y < y_end; ++y) finish_row(args, block, args.partial + (y - y_begin) * row, y);
}

void run(const DirectConvArgs& args) {
  for (int y = 0; y < args.rows; y += direct_conv_rows) {
    const int end = y + direct_conv_rows < args.rows ? y + direct_conv_rows : args.rows;
    for (int b = 0; b < args.block_count; ++b) run_block(args, args.blocks[b], y, end);
  }
}

}  // namespace
}  // namespace ESRGAN_TARGET

DirectConvKernel ESRGAN_CONCAT(direct_conv_, ESRGAN_TARGET)() {
  return {ESRGAN_TARGET::Vec::lanes, &ESRGAN_TARGET::run};
}

}  // namespace esrgan
