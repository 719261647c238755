// The arithmetic peak of a core, as a loop that does nothing but multiply and add in registers.
#pragma once

namespace esrgan::bench {

struct PeakLoop {
  float (*run)(long rounds) = nullptr;  ///< returns something, so that the work is not optimised away
  double operations_per_round = 0;      ///< a multiplication and an addition count as two
};

PeakLoop peak_generic();
#if defined(__x86_64__)
PeakLoop peak_avx2();
PeakLoop peak_avx512();
PeakLoop peak_avx512_bf16();
#elif defined(__aarch64__)
PeakLoop peak_neon();
#endif

}  // namespace esrgan::bench
