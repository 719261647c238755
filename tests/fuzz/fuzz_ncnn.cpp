// libFuzzer: the bytes up to the first zero are the .param, the rest the .bin; read, or refused with an
// Error.
#include <esrgan/error.h>

#include <algorithm>

#include "memory_bound.h"
#include "model/model.h"
#include "weights/ncnn.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const esrgan::fuzz::MemoryBound bound(size);
  const uint8_t* end = data + size;
  const uint8_t* zero = std::find(data, end, 0);
  const std::string_view param(reinterpret_cast<const char*>(data), static_cast<size_t>(zero - data));
  const std::span<const uint8_t> bin(zero == end ? end : zero + 1, end);
  try {
    esrgan::build_graph(esrgan::detect_model(esrgan::read_ncnn(param, bin, "fuzzed.param", "fuzzed.bin")));
  } catch (const esrgan::Error&) {  // refused, as it should be
  }
  return 0;
}
