// libFuzzer: any bytes are either read as ONNX or refused with an Error.
#include <esrgan/error.h>

#include "memory_bound.h"
#include "model/choose_network.h"
#include "model/model.h"
#include "weights/onnx.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const esrgan::fuzz::MemoryBound bound(size);
  try {
    esrgan::build_graph(
        esrgan::detect_model(esrgan::read_onnx({data, size}, "fuzzed", esrgan::choose_network)));
  } catch (const esrgan::Error&) {  // refused, as it should be
  }
  return 0;
}
