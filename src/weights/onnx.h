// The weights of ONNX files, under the names that their exporters leave them.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "weights/selection.h"
#include "weights/state_dict.h"

namespace esrgan {

/// Tensors of one number that no layer takes stand among the text pairs, behind this.
constexpr const char* onnx_number = "esrgan.number.";

/// The weights [out][in][kernel] of a convolution behind SpaceToDepth, whose channels are ordered by (dy, dx,
/// c), made of those of one behind a pixel-unshuffle, ordered by (c, dy, dx); or, not `to_onnx`, the other
/// way.
std::vector<float> reordered_inputs(const std::vector<float>& weights, size_t inputs, size_t kernel,
                                    size_t factor, bool to_onnx);

/// Reads the tensors of floats that have names of their own; slopes of PRelu as PyTorch shapes them. Throws
/// Error naming `file` when it is damaged, or its weights are quantised or lost their names.
StateDict read_onnx(std::span<const uint8_t> bytes, const std::string& file, const Selector& select);

/// The file's text pairs.
std::map<std::string, std::string> read_onnx_metadata(std::span<const uint8_t> bytes,
                                                      const std::string& file);

}  // namespace esrgan
