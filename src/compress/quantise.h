// Networks of 8-bit numbers, as ONNX with QuantizeLinear and DequantizeLinear around each convolution
// ("QDQ").
#pragma once

#include <map>
#include <string>

#include "weights/onnx_file.h"

namespace esrgan {

/// What a convolution takes or makes lies between these; zero lies between them, too.
struct QuantisedRange {
  float low = 0, high = 0;

  /// The step from one of the 256 levels to the next.
  float step() const;
  /// The level that is zero: 0 to 255.
  int zero() const;
};

/// Of a convolution: what it takes, and what it makes before any activation.
struct LayerRanges {
  QuantisedRange taken, made;
};

/// By the convolutions' names; those that are left out stay as they are.
using QuantisedRanges = std::map<std::string, LayerRanges>;

/// The network with 8-bit weights, a scale for each output channel, symmetric about zero, and 8-bit inputs
/// and results of the convolutions named: with both, runtimes compute in whole numbers. `model`: as
/// export_onnx() makes it, of float32. Biases, sums and activations stay floats.
onnx::Model quantised(onnx::Model model, const QuantisedRanges& ranges);

/// Levels of a symmetric weight: -127 to 127.
constexpr int weight_levels = 127;

}  // namespace esrgan
