#include "model/model.h"

#include <esrgan/error.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/text.h"
#include "model/choose_network.h"
#include "model/families/time_head.h"
#include "model/family.h"
#include "model/foreign_families.h"
#include "weights/read_weights.h"

namespace esrgan {
namespace {

/// Tensors of the network that enlarges, under names without prefixes.
void keep_network(StateDict& weights) {
  if (!weights.layers.empty()) return;
  std::vector<std::string> names;
  for (const auto& [name, tensor] : weights.tensors) names.push_back(name);
  Selection selection = choose_network(names);
  std::erase_if(weights.tensors, [&](const auto& entry) { return !selection.tensors.contains(entry.first); });
  rename_all(weights, [&](std::string_view name) { return selection.tensors.at(std::string(name)); });
  std::move(selection.remarks.begin(), selection.remarks.end(), std::back_inserter(weights.remarks));
}

/// Layers that carry the canonical names, as export_ncnn() writes them, give them to their tensors.
void take_names_of_layers(StateDict& weights) {
  std::map<std::string, std::string> names;  // by the number that the tensors go by
  for (size_t i = 0; i < weights.layers.size(); ++i) names[std::to_string(i)] = weights.layers[i].name;
  const auto named = [&](const std::string& tensor) {
    const size_t dot = tensor.find('.');
    const std::string part = tensor.substr(dot);
    return names.at(tensor.substr(0, dot)) + (part == ".number" ? "" : part);
  };
  std::map<std::string, Tensor> tensors;
  for (const auto& [name, tensor] : weights.tensors) tensors.emplace(named(name), tensor);
  std::set<std::string_view> all;
  for (const auto& [name, tensor] : tensors) all.insert(name);
  const auto [family, naming] = find_naming(Contents(std::move(all)));
  if (family == nullptr || naming->renamer != nullptr) return;
  std::erase_if(tensors, [](const auto& entry) { return entry.first.starts_with(made_up_name); });
  weights.tensors = std::move(tensors);
  weights.layers.clear();
}

std::string names_of_families() {
  std::string names;
  for (const Family* family : families())
    names += (names.empty() ? "" : family == families().back() ? " or " : ", ") + std::string(family->name);
  return names;
}

[[noreturn]] void refuse(const StateDict& weights) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : weights.tensors) names.push_back(name);
  throw Error(ErrorKind::bad_data, weights.file, "the weights belong to no network that is known",
              names_of_families(), names.empty() ? "no tensors" : "tensors such as " + listed(names));
}

/// Of the tensors of one network, under names without prefixes.
Model recognise(StateDict weights) {
  if (!weights.layers.empty()) take_names_of_layers(weights);
  const Contents contents(weights);
  if (const auto foreign = foreign_family_of(contents); !foreign.empty())
    throw Error(ErrorKind::unsupported, weights.file,
                "this is a " + std::string(foreign) + " network, which is not supported",
                names_of_families());
  const auto [family, naming] = find_naming(contents);
  if (family == nullptr) refuse(weights);
  if (naming->renamer != nullptr) rename_all(weights, naming->renamer(weights));
  Model model;
  model.reasons = weights.remarks;
  if (naming->renamer != nullptr)
    model.reasons.push_back("tensors are named as in " + std::string(naming->name));
  model.weights = std::move(weights);
  Evidence evidence(model.weights);
  model.architecture.family = family;
  family->detect(evidence, model.architecture);
  for (std::string& reason : evidence.take_reasons()) model.reasons.push_back(std::move(reason));
  return model;
}

}  // namespace

Model read_model(const std::filesystem::path& path) {
  return recognise(read_weights(path, choose_network));
}

Model detect_model(StateDict weights) {
  keep_network(weights);
  return recognise(std::move(weights));
}

namespace {

Graph build(const Model& model, GraphPart part) {
  GraphBuilder builder(model.weights, part);
  const Architecture& architecture = model.architecture;
  const MapId output = architecture.family->build(builder, architecture);
  if (builder.channels(output) != architecture.out_channels)
    throw Error(ErrorKind::bad_data, model.weights.file, "channels of the network's output",
                std::to_string(architecture.out_channels), std::to_string(builder.channels(output)));
  return builder.finish(output);
}

}  // namespace

Graph build_graph(const Model& model) {
  return build(model, GraphPart::whole);
}

TimeParts build_time_parts(const Model& model) {
  return {build_frame_graph(model.weights, model.architecture), build(model, GraphPart::trunk)};
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
      throw Error(ErrorKind::bad_data, b.weights.file,
                  "tensor '" + name + "' has another shape than in " + a.weights.file, tensor.shape_text(),
                  other.shape_text());
    std::transform(tensor.values.begin(), tensor.values.end(), other.values.begin(), tensor.values.begin(),
                   [alpha](float x, float y) { return (1 - alpha) * x + alpha * y; });
  }
  for (const auto& [name, tensor] : b.weights.tensors)
    if (!a.weights.contains(name))
      throw Error(ErrorKind::bad_data, a.weights.file, "has no tensor '" + name + "' as " + b.weights.file);
  return result;
}

}  // namespace esrgan
