#include "model/architecture.h"

#include <esrgan/error.h>

#include <algorithm>

namespace esrgan {

const char* name_of(Family family) {
  switch (family) {
    case Family::compact:
      return "SRVGGNetCompact";
    case Family::msrresnet:
      return "MSRResNet";
    case Family::srresnet:
      return "SRResNet";
    case Family::rrdbnet:
      break;
  }
  return "RRDBNet";
}

std::string Architecture::summary() const {
  std::string text = std::string(name_of(family)) + " x" + std::to_string(scale) + ", " +
                     std::to_string(blocks) + (family == Family::compact ? " convolutions, " : " blocks, ") +
                     std::to_string(features) + " features";
  if (growth > 0) text += ", growth " + std::to_string(growth);
  if (unshuffle > 1) text += ", pixel-unshuffle " + std::to_string(unshuffle);
  if (upsampler == Upsampler::pixel_shuffle) text += ", pixel-shuffle";
  if (upsampler == Upsampler::transposed) text += ", transposed convolutions";
  if (learned_residual_scale) text += ", learned residual scale";
  if (conv1x1) text += ", conv1x1 (ESRGAN+)";
  return text;
}

std::string Architecture::channels_text() const {
  return std::to_string(in_channels) + " in and " + std::to_string(out_channels) + " out";
}

size_t parameter_count(const StateDict& weights) {
  size_t count = 0;
  for (const auto& [name, tensor] : weights.tensors)
    if (!name.ends_with(".running_mean") && !name.ends_with(".running_var")) count += tensor.values.size();
  return count;
}

Model interpolate(const Model& a, const Model& b, float alpha) {
  Model result = a;
  for (auto& [name, tensor] : result.weights.tensors) {
    const Tensor& other = b.weights.at(name);
    if (other.shape != tensor.shape)
      throw Error(b.weights.file, "tensor '" + name + "' has another shape than in " + a.weights.file,
                  tensor.shape_text(), other.shape_text());
    std::transform(tensor.values.begin(), tensor.values.end(), other.values.begin(), tensor.values.begin(),
                   [alpha](float x, float y) { return (1 - alpha) * x + alpha * y; });
  }
  for (const auto& [name, tensor] : b.weights.tensors)
    if (!a.weights.contains(name))
      throw Error(a.weights.file, "has no tensor '" + name + "' as " + b.weights.file);
  return result;
}

}  // namespace esrgan
