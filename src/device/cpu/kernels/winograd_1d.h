// The one-dimensional transforms of winograd.h, for one vector of channels.
#pragma once

#include "device/cpu/kernels/vec.h"
#include "device/cpu/kernels/winograd.h"

#define ESRGAN_INLINE inline __attribute__((always_inline))

namespace esrgan::ESRGAN_TARGET {

constexpr float a1 = winograd_a, b1 = winograd_b;
constexpr float a2 = a1 * a1, b2 = b1 * b1, a3 = a2 * a1, b3 = b2 * b1;

/// B' d for one row or column; the results lie `stride` apart.
ESRGAN_INLINE void input_1d(const Vec* d, Vec* out, ptrdiff_t stride) {
  const Vec d1 = d[1], d2 = d[2], d3 = d[3], d4 = d[4];
  const Vec product = Vec::all(a2 * b2), sum = Vec::all(-(a2 + b2));
  const Vec even_a = d4.plus_product(d2, Vec::all(-b2)), odd_a = d3.plus_product(d1, Vec::all(-b2));
  const Vec even_b = d4.plus_product(d2, Vec::all(-a2)), odd_b = d3.plus_product(d1, Vec::all(-a2));
  out[0] = d4.plus_product(d2, sum).plus_product(d[0], product);
  out[stride] = even_a.plus_product(odd_a, Vec::all(a1));
  out[2 * stride] = even_a.plus_product(odd_a, Vec::all(-a1));
  out[3 * stride] = even_b.plus_product(odd_b, Vec::all(b1));
  out[4 * stride] = even_b.plus_product(odd_b, Vec::all(-b1));
  out[5 * stride] = d[5].plus_product(d3, sum).plus_product(d1, product);
}

/// A' m for one row or column; the results lie `stride` apart.
ESRGAN_INLINE void output_1d(const Vec* m, Vec* out, ptrdiff_t stride) {
  const Vec even_a = m[1].plus(m[2]), odd_a = m[1].minus(m[2]);
  const Vec even_b = m[3].plus(m[4]), odd_b = m[3].minus(m[4]);
  out[0] = m[0].plus(even_a).plus(even_b);
  out[stride] = odd_a.times(Vec::all(a1)).plus_product(odd_b, Vec::all(b1));
  out[2 * stride] = even_a.times(Vec::all(a2)).plus_product(even_b, Vec::all(b2));
  out[3 * stride] = m[5].plus_product(odd_a, Vec::all(a3)).plus_product(odd_b, Vec::all(b3));
}

/// A m for one row or column of the outputs' gradients: the adjoint of output_1d().
ESRGAN_INLINE void gradient_1d(const Vec* d, Vec* out, ptrdiff_t stride) {
  const Vec d0 = d[0], d1 = d[1], d2 = d[2], d3 = d[3];
  const Vec even_a = d0.plus_product(d2, Vec::all(a2)), even_b = d0.plus_product(d2, Vec::all(b2));
  const Vec odd_a = d1.times(Vec::all(a1)).plus_product(d3, Vec::all(a3));
  const Vec odd_b = d1.times(Vec::all(b1)).plus_product(d3, Vec::all(b3));
  out[0] = d0;
  out[stride] = even_a.plus(odd_a);
  out[2 * stride] = even_a.minus(odd_a);
  out[3 * stride] = even_b.plus(odd_b);
  out[4 * stride] = even_b.minus(odd_b);
  out[5 * stride] = d3;
}

// The denominators of G's rows.
constexpr float g0 = 1 / (a2 * b2), ga = 1 / (2 * a2 * (a2 - b2)), gb = 1 / (2 * b2 * (b2 - a2));

/// G g for one row or column of a filter.
ESRGAN_INLINE void filter_1d(const Vec* g, Vec* out, ptrdiff_t stride) {
  const Vec even_a = g[0].plus_product(g[2], Vec::all(a2)).times(Vec::all(ga));
  const Vec even_b = g[0].plus_product(g[2], Vec::all(b2)).times(Vec::all(gb));
  const Vec tap = g[1], last = g[2];
  out[0] = g[0].times(Vec::all(g0));
  out[stride] = even_a.plus_product(tap, Vec::all(a1 * ga));
  out[2 * stride] = even_a.plus_product(tap, Vec::all(-a1 * ga));
  out[3 * stride] = even_b.plus_product(tap, Vec::all(b1 * gb));
  out[4 * stride] = even_b.plus_product(tap, Vec::all(-b1 * gb));
  out[5 * stride] = last;
}

/// G' d: the adjoint of filter_1d(), from six numbers to three.
ESRGAN_INLINE void filter_gradient_1d(const Vec* d, Vec* out, ptrdiff_t stride) {
  const Vec even_a = d[1].plus(d[2]).times(Vec::all(ga)), odd_a = d[1].minus(d[2]).times(Vec::all(a1 * ga));
  const Vec even_b = d[3].plus(d[4]).times(Vec::all(gb)), odd_b = d[3].minus(d[4]).times(Vec::all(b1 * gb));
  out[0] = even_a.plus(even_b).plus_product(d[0], Vec::all(g0));
  out[stride] = odd_a.plus(odd_b);
  out[2 * stride] = d[5].plus_product(even_a, Vec::all(a2)).plus_product(even_b, Vec::all(b2));
}

}  // namespace esrgan::ESRGAN_TARGET
