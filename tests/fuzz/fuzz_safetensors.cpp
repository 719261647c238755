// libFuzzer: any bytes are either read as safetensors or refused with an Error.
#include <esrgan/error.h>

#include "memory_bound.h"
#include "model/choose_network.h"
#include "model/model.h"
#include "weights/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const esrgan::fuzz::MemoryBound bound(size);
  try {
    esrgan::build_graph(
        esrgan::detect_model(esrgan::read_safetensors({data, size}, "fuzzed", esrgan::choose_network)));
  } catch (const esrgan::Error&) {  // refused, as it should be
  }
  return 0;
}
