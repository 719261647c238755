// A network as ONNX, for the runtimes that read it.
#pragma once

#include <cstdint>
#include <vector>

#include "model/model.h"
#include "weights/onnx_file.h"

namespace esrgan {

struct OnnxOptions {
  bool half = false;        ///< weights and computation of float16; what goes in and comes out stays float32
  bool half_ports = false;  ///< that is float16, too
};

/// The file's bytes: input `input` and output `output`, [batch, channels, height, width], values in [0, 1],
/// batch, height and width free. Height and width are multiples of metadata's esrgan.multiple. Normalisation
/// is folded into the convolutions before it, pixel-unshuffle is inside. Weights keep the canonical names, so
/// that read_model() takes the file, too.
std::vector<uint8_t> export_onnx(const Model& model, const OnnxOptions& options);
/// The same before it is written.
onnx::Model onnx_model(const Model& model, const OnnxOptions& options);

}  // namespace esrgan
