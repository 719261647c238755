// A thin vector of floats for the instruction set that this file is compiled for: the only place with
// intrinsics. Everything is in a namespace of the instruction set, so that no two builds of a kernel share a
// symbol.
#pragma once

#if defined(ESRGAN_TARGET_AVX512) || defined(ESRGAN_TARGET_AVX2)
#include <immintrin.h>
#endif

#if defined(ESRGAN_TARGET_AVX512)
#define ESRGAN_TARGET avx512
#elif defined(ESRGAN_TARGET_AVX2)
#define ESRGAN_TARGET avx2
#else
#define ESRGAN_TARGET generic
#endif

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
  Vec times(Vec b) const { return {_mm512_mul_ps(v, b.v)}; }
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
  Vec times(Vec b) const { return {_mm256_mul_ps(v, b.v)}; }
  Vec max(Vec b) const { return {_mm256_max_ps(v, b.v)}; }
  Vec min(Vec b) const { return {_mm256_min_ps(v, b.v)}; }
};

#else

// The compilers' own vectors: SSE2 on x86-64, NEON on Arm.
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
  Vec times(Vec b) const { return {v * b.v}; }
  Vec max(Vec b) const { return {v > b.v ? v : b.v}; }
  Vec min(Vec b) const { return {v < b.v ? v : b.v}; }
};

#endif

}  // namespace esrgan::ESRGAN_TARGET
