// A network as the two files of ncnn, for realesrgan-ncnn-vulkan, upscayl and phones.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/model.h"

namespace esrgan {

struct NcnnFiles {
  std::string param;         ///< the layers, as text
  std::vector<uint8_t> bin;  ///< their weights
};

/// half: weights of float16. The input is the blob `data`, three channels in [0, 1], the output `output`, as
/// those programs expect. Layers with weights carry the canonical names, so that read_model() takes the
/// files, too.
NcnnFiles export_ncnn(const Model& model, bool half);

}  // namespace esrgan
