// A thin vector of floats for the instruction set that this file is compiled for: the only place with
// intrinsics. Everything is in a namespace of the instruction set, so that no two builds of a kernel share a
// symbol.
#pragma once

#if defined(ESRGAN_TARGET_AVX512_BF16)
#define ESRGAN_TARGET_AVX512
#endif

#if defined(ESRGAN_TARGET_AVX512) || defined(ESRGAN_TARGET_AVX2)
#include <immintrin.h>
#elif defined(ESRGAN_TARGET_NEON)
#include <arm_neon.h>
#endif

#if defined(ESRGAN_TARGET_AVX512_BF16)
#define ESRGAN_TARGET avx512_bf16
#elif defined(ESRGAN_TARGET_AVX512)
#define ESRGAN_TARGET avx512
#elif defined(ESRGAN_TARGET_AVX2)
#define ESRGAN_TARGET avx2
#elif defined(ESRGAN_TARGET_NEON)
#define ESRGAN_TARGET neon
#else
#define ESRGAN_TARGET generic
#endif

// For the one function of each kernel that has the instruction set in its name.
#define ESRGAN_CONCAT_(a, b) a##b
#define ESRGAN_CONCAT(a, b) ESRGAN_CONCAT_(a, b)
// The instruction set's name as a string.
#define ESRGAN_TEXT_(a) #a
#define ESRGAN_TEXT(a) ESRGAN_TEXT_(a)

#include <stddef.h>  // NOLINT(modernize-deprecated-headers): see direct_conv.h

namespace esrgan::ESRGAN_TARGET {

#if defined(ESRGAN_TARGET_AVX512)

struct Vec {
  static constexpr int lanes = 16;
  static constexpr int pixels = 12;  ///< by 2 vectors: 24 accumulators of 32 registers
  __m512 v;

  static Vec load(const float* from) { return {_mm512_loadu_ps(from)}; }
  static Vec all(float value) { return {_mm512_set1_ps(value)}; }
  static Vec zero() { return {_mm512_setzero_ps()}; }
  void store(float* to) const { _mm512_storeu_ps(to, v); }
  /// this + a * b
  Vec plus_product(Vec a, Vec b) const { return {_mm512_fmadd_ps(a.v, b.v, v)}; }
  Vec plus(Vec b) const { return {_mm512_add_ps(v, b.v)}; }
  Vec minus(Vec b) const { return {_mm512_sub_ps(v, b.v)}; }
  Vec times(Vec b) const { return {_mm512_mul_ps(v, b.v)}; }
  Vec over(Vec b) const { return {_mm512_div_ps(v, b.v)}; }
  Vec max(Vec b) const { return {_mm512_max_ps(v, b.v)}; }
  Vec min(Vec b) const { return {_mm512_min_ps(v, b.v)}; }
};

#elif defined(ESRGAN_TARGET_AVX2)

struct Vec {
  static constexpr int lanes = 8;
  static constexpr int pixels = 6;  ///< by 2 vectors: 12 accumulators of 16 registers
  __m256 v;

  static Vec load(const float* from) { return {_mm256_loadu_ps(from)}; }
  static Vec all(float value) { return {_mm256_set1_ps(value)}; }
  static Vec zero() { return {_mm256_setzero_ps()}; }
  void store(float* to) const { _mm256_storeu_ps(to, v); }
  Vec plus_product(Vec a, Vec b) const { return {_mm256_fmadd_ps(a.v, b.v, v)}; }
  Vec plus(Vec b) const { return {_mm256_add_ps(v, b.v)}; }
  Vec minus(Vec b) const { return {_mm256_sub_ps(v, b.v)}; }
  Vec times(Vec b) const { return {_mm256_mul_ps(v, b.v)}; }
  Vec over(Vec b) const { return {_mm256_div_ps(v, b.v)}; }
  Vec max(Vec b) const { return {_mm256_max_ps(v, b.v)}; }
  Vec min(Vec b) const { return {_mm256_min_ps(v, b.v)}; }
};

#elif defined(ESRGAN_TARGET_NEON)

struct Vec {
  static constexpr int lanes = 4;
  static constexpr int pixels = 12;  ///< by 2 vectors: 24 accumulators of 32 registers
  float32x4_t v;

  static Vec load(const float* from) { return {vld1q_f32(from)}; }
  static Vec all(float value) { return {vdupq_n_f32(value)}; }
  static Vec zero() { return all(0); }
  void store(float* to) const { vst1q_f32(to, v); }
  Vec plus_product(Vec a, Vec b) const { return {vfmaq_f32(v, a.v, b.v)}; }
  Vec plus(Vec b) const { return {vaddq_f32(v, b.v)}; }
  Vec minus(Vec b) const { return {vsubq_f32(v, b.v)}; }
  Vec times(Vec b) const { return {vmulq_f32(v, b.v)}; }
  Vec over(Vec b) const { return {vdivq_f32(v, b.v)}; }
  Vec max(Vec b) const { return {vmaxq_f32(v, b.v)}; }
  Vec min(Vec b) const { return {vminq_f32(v, b.v)}; }
};

#else

// The compilers' own vectors, SSE2 on x86-64.
using Float4 = float __attribute__((vector_size(16), aligned(4)));

struct Vec {
  static constexpr int lanes = 4;
  static constexpr int pixels = 6;
  Float4 v;

  static Vec load(const float* from) { return {*reinterpret_cast<const Float4*>(from)}; }
  static Vec all(float value) { return {Float4{value, value, value, value}}; }
  static Vec zero() { return all(0); }
  void store(float* to) const { *reinterpret_cast<Float4*>(to) = v; }
  Vec plus_product(Vec a, Vec b) const { return {v + a.v * b.v}; }
  Vec plus(Vec b) const { return {v + b.v}; }
  Vec minus(Vec b) const { return {v - b.v}; }
  Vec times(Vec b) const { return {v * b.v}; }
  Vec over(Vec b) const { return {v / b.v}; }
  Vec max(Vec b) const { return {v > b.v ? v : b.v}; }
  Vec min(Vec b) const { return {v < b.v ? v : b.v}; }
};

#endif

/// The first `count` floats, zeros after them.
inline Vec load_part(const float* from, int count) {
  if (count >= Vec::lanes) return Vec::load(from);
  float part[Vec::lanes] = {};
  for (int i = 0; i < count; ++i) part[i] = from[i];
  return Vec::load(part);
}

inline void store_part(Vec values, float* to, int count) {
  if (count >= Vec::lanes) return values.store(to);
  float part[Vec::lanes];
  values.store(part);
  for (int i = 0; i < count; ++i) to[i] = part[i];
}

#if defined(ESRGAN_TARGET_AVX512_BF16)

/// 16 pairs of bfloat16: a pair is two neighbouring input channels.
struct Factors {
  using Element = unsigned short;
  static constexpr int depth = 2;  ///< products that one instruction adds up for each lane
  __m512bh v;

  static Factors load(const Element* from) { return {reinterpret_cast<__m512bh>(_mm512_loadu_si512(from))}; }
  static Factors all(const Element* pair) {
    int bits;
    __builtin_memcpy(&bits, pair, sizeof bits);
    return {reinterpret_cast<__m512bh>(_mm512_set1_epi32(bits))};
  }
  static void store(Vec values, Element* to) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                        reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(values.v)));
  }
  /// The `depth` vectors that lie `stride` apart, lane by lane.
  static void store_interleaved(const Vec* values, ptrdiff_t stride, Element* to) {
    const __m512i low = _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(values[0].v)));
    const __m512i high =
        _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(values[stride].v)));
    _mm512_storeu_si512(to, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
  }
};

inline Vec plus_product(Vec sum, Factors a, Factors b) {
  return {_mm512_dpbf16_ps(sum.v, a.v, b.v)};
}

#else

/// What a multiplication works on: plain floats.
struct Factors {
  using Element = float;
  static constexpr int depth = 1;
  Vec v;

  static Factors load(const Element* from) { return {Vec::load(from)}; }
  static Factors all(const Element* from) { return {Vec::all(*from)}; }
  static void store(Vec values, Element* to) { values.store(to); }
  static void store_interleaved(const Vec* values, ptrdiff_t, Element* to) { values[0].store(to); }
};

inline Vec plus_product(Vec sum, Factors a, Factors b) {
  return sum.plus_product(a.v, b.v);
}

#endif

}  // namespace esrgan::ESRGAN_TARGET
