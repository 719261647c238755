#include "device/cpu/pixel_operations.h"

#include <algorithm>
#include <type_traits>

namespace esrgan {
namespace {

/// Calls function(factor, channels) with numbers that the compiler knows where they are usual, so that it can
/// unroll what depends on them.
template <typename Function>
void with_known_numbers(int factor, int channels, const Function& function) {
  using std::integral_constant;
  if (factor == 4 && channels == 3) return function(integral_constant<int, 4>(), integral_constant<int, 3>());
  if (factor == 2 && channels == 3) return function(integral_constant<int, 2>(), integral_constant<int, 3>());
  function(factor, channels);
}

/// Where an output coordinate falls between two input coordinates (align_corners = false).
struct Sample {
  int low, high;
  float weight;  // of `high`
};

Sample sample_at(int position, int factor, int extent) {
  const float place =
      std::max(0.0F, (static_cast<float>(position) + 0.5F) / static_cast<float>(factor) - 0.5F);
  const int low = std::min(static_cast<int>(place), extent - 1);
  return {low, std::min(low + 1, extent - 1), place - static_cast<float>(low)};
}

void add_nearest(const FeatureView& in, const FeatureView& base, const FeatureView& out, int factor,
                 const BandPart& part) {
  with_known_numbers(factor, out.channels, [&](auto times, auto channels) {
    for (int y = part.row_begin; y < part.row_end; ++y) {
      const float* from = in.at(part.column_begin, y);
      const float* nearest = base.at(part.column_begin / times, y / times);
      float* to = out.at(part.column_begin, y);
      for (int x = part.column_begin; x < part.column_end; x += times, nearest += base.pixel)
        for (int dx = 0; dx < times; ++dx, from += in.pixel, to += out.pixel)
          for (int c = 0; c < channels; ++c) to[c] = from[c] + nearest[c];
    }
  });
}

void add_bilinear(const FeatureView& in, const FeatureView& base, const FeatureView& out, int factor,
                  const BandPart& part) {
  for (int y = part.row_begin; y < part.row_end; ++y) {
    const Sample v = sample_at(y, factor, base.height);
    const float *low_row = base.at(0, v.low), *high_row = base.at(0, v.high);
    for (int x = part.column_begin; x < part.column_end; ++x) {
      const float* from = in.at(x, y);
      float* to = out.at(x, y);
      const Sample h = sample_at(x, factor, base.width);
      const ptrdiff_t left = h.low * base.pixel, right = h.high * base.pixel;
      for (int c = 0; c < out.channels; ++c) {
        const float top = (1 - h.weight) * low_row[left + c] + h.weight * low_row[right + c];
        const float bottom = (1 - h.weight) * high_row[left + c] + h.weight * high_row[right + c];
        to[c] = from[c] + (1 - v.weight) * top + v.weight * bottom;
      }
    }
  }
}

}  // namespace

void shuffle_pixels(const FeatureView& deep, const FeatureView& wide, int factor, bool to_deep,
                    const BandPart& part) {
  with_known_numbers(factor, wide.channels, [&](auto times, auto channels) {
    for (int y = part.row_begin; y < part.row_end; ++y)
      for (int dy = 0; dy < times; ++dy) {
        float* there = deep.at(part.column_begin, y) + dy * times;
        float* here = wide.at(part.column_begin * times, y * times + dy);
        for (int x = part.column_begin; x < part.column_end; ++x, there += deep.pixel)
          for (int dx = 0; dx < times; ++dx, here += wide.pixel)
            for (int c = 0; c < channels; ++c) {
              float& deep_value = there[c * times * times + dx];
              if (to_deep)
                deep_value = here[c];
              else
                here[c] = deep_value;
            }
      }
  });
}

void add_upsampled(const FeatureView& in, const FeatureView& base, const FeatureView& out, int factor,
                   Upsampling mode, const BandPart& part) {
  if (mode == Upsampling::nearest)
    add_nearest(in, base, out, factor, part);
  else
    add_bilinear(in, base, out, factor, part);
}

void silu(const ElementwiseKernel& kernel, const FeatureView& in, const FeatureView& out,
          const BandPart& part) {
  const ptrdiff_t count = static_cast<ptrdiff_t>(part.column_end - part.column_begin) * out.channels;
  for (int y = part.row_begin; y < part.row_end; ++y)
    kernel.silu(in.at(part.column_begin, y), out.at(part.column_begin, y), count);
}

void symmetric_gate(const ElementwiseKernel& kernel, const FeatureView& in, const FeatureView& residual,
                    const FeatureView& out, const BandPart& part) {
  const ptrdiff_t count = static_cast<ptrdiff_t>(part.column_end - part.column_begin) * out.channels;
  for (int y = part.row_begin; y < part.row_end; ++y)
    kernel.gate(in.at(part.column_begin, y), residual.at(part.column_begin, y), out.at(part.column_begin, y),
                count);
}

}  // namespace esrgan
