// Networks of 8-bit numbers, as ONNX with QuantizeLinear and DequantizeLinear around each convolution
// ("QDQ").
#pragma once

#include <map>
#include <string>

#include "weights/onnx_file.h"

namespace esrgan {

/// What a convolution takes lies between these; zero lies between them, too.
struct QuantisedRange {
  float low = 0, high = 0;

  /// The step from one of the 256 levels to the next.
  float step() const;
  /// The level that is zero: 0 to 255.
  int zero() const;
};

/// By the convolutions' names; those that are left out stay as they are.
using QuantisedRanges = std::map<std::string, QuantisedRange>;

/// The network with 8-bit weights, a scale for each output channel, symmetric about zero, and 8-bit inputs of
/// the convolutions named. `model`: as export_onnx() makes it, of float32. Biases, sums and activations stay
/// floats (runtimes fuse what they can).
onnx::Model quantised(onnx::Model model, const QuantisedRanges& ranges);

/// Levels of a symmetric weight: -127 to 127.
constexpr int weight_levels = 127;

}  // namespace esrgan
