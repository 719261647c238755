#include "peak.h"

#include "device/cpu/kernels/vec.h"

namespace esrgan::bench {
namespace {

namespace target = esrgan::ESRGAN_TARGET;
using target::Factors;
using target::Vec;

constexpr int sums = 12;  // more than latency times instructions per cycle, fewer than registers

float run(long rounds) {
  alignas(64) Factors::Element ones[Vec::lanes * Factors::depth];
  for (auto& one : ones) one = 1;
  const Factors a = Factors::load(ones);
  Vec sum[sums];
  for (Vec& s : sum) s = Vec::zero();
  const Factors::Element* at = ones;
  for (long i = 0; i < rounds; ++i) {
    asm volatile("" : "+r"(at));  // NOLINT(hicpp-no-assembler): the product is not known beforehand
    const Factors b = Factors::load(at);
#pragma GCC unroll 12
    for (Vec& s : sum) s = plus_product(s, a, b);
  }
  float total[Vec::lanes], result = 0;
  for (const Vec& s : sum) {
    s.store(total);
    for (const float value : total) result += value;
  }
  return result;
}

}  // namespace

PeakLoop ESRGAN_CONCAT(peak_, ESRGAN_TARGET)() {
  return {&run, 2.0 * sums * Vec::lanes * Factors::depth};
}

}  // namespace esrgan::bench
