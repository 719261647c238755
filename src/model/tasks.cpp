#include "model/tasks.h"

#include <esrgan/error.h>

#include <string>
#include <utility>
#include <vector>

#include "model/families/task_heads.h"

namespace esrgan {
namespace {

/// The tensors of strengths, by the names of their blocks.
std::vector<std::string> blocks_of(const StateDict& weights) {
  std::vector<std::string> blocks;
  const std::string ending = task_tensor("");
  for (const auto& [name, tensor] : weights.tensors)
    if (name.ends_with(ending)) blocks.push_back(name.substr(0, name.size() - ending.size()));
  return blocks;
}

void add_to_bias(StateDict& weights, const std::string& block, const TaskStrengths& strengths) {
  const std::string name = task_tensor(block), layer = block.empty() ? "conv_1" : block + "c1_r";
  const std::string bias = layer + (weights.contains(layer + ".bias") ? ".bias" : ".sk.bias");
  std::vector<float>& values = weights.tensors.at(bias).values;
  const Tensor& by_strength = weights.at(name);
  const std::vector<int64_t> shape{static_cast<int64_t>(values.size()),
                                   static_cast<int64_t>(strengths.size())};
  if (by_strength.shape != shape)
    throw Error(ErrorKind::bad_data, weights.file, "shape of tensor '" + name + "'",
                Tensor{shape, {}}.shape_text(), by_strength.shape_text());
  for (size_t c = 0; c < values.size(); ++c)
    for (size_t t = 0; t < strengths.size(); ++t)
      values[c] += strengths.at(t) * by_strength.values[c * strengths.size() + t];
  weights.tensors.erase(name);
}

}  // namespace

Model with_tasks(Model model, const TaskStrengths& strengths, bool at_its_size) {
  if (!model.architecture.tasks)
    throw Error(ErrorKind::invalid_argument, model.weights.file, "the network has no strengths to choose",
                "one that was trained for several tasks", model.architecture.summary());
  StateDict weights = std::move(model.weights);
  for (const std::string& block : blocks_of(weights)) add_to_bias(weights, block, strengths);
  for (const char* part : {".weight", ".bias"}) {
    const std::string name = small_head + std::string(part);
    if (at_its_size) weights.tensors.at("upsampler.0" + std::string(part)) = weights.at(name);
    weights.tensors.erase(name);
  }
  return detect_model(std::move(weights));
}

}  // namespace esrgan
