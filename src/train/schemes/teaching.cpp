#include "train/schemes/teaching.h"

#include <esrgan/error.h>
#include <esrgan/models.h>

#include <algorithm>
#include <map>

#include "model/family.h"
#include "train/networks/convolution.h"
#include "train/networks/graph_network.h"

namespace esrgan::train {
namespace {

using torch::Tensor;

constexpr const char* adapters = "adapter";

const Tensor& map_of(const Features& maps, const std::string& layer, const char* whose) {
  std::string names;
  for (const auto& [name, map] : maps) {
    if (name == layer) return map;
    names += (names.empty() ? "" : ", ") + name;
  }
  throw Error(ErrorKind::invalid_argument, "", std::string("layer of the ") + whose, "one of " + names,
              "'" + layer + "'");
}

/// One of the eight symmetries of the square, or its inverse.
Tensor turned(Tensor x, int way, bool back) {
  if (!back && (way & 4) != 0) x = x.transpose(2, 3);
  if ((way & 1) != 0) x = x.flip(3);
  if ((way & 2) != 0) x = x.flip(2);
  if (back && (way & 4) != 0) x = x.transpose(2, 3);
  return x;
}

}  // namespace

class Teaching::Student : public Network {
 public:
  explicit Student(std::shared_ptr<Network> generator) : generator_(std::move(generator)) {
    for (const auto& child : generator_->named_children()) register_module(child.key(), child.value());
    for (const auto& each : generator_->named_parameters(false)) register_parameter(each.key(), each.value());
    for (const auto& each : generator_->named_buffers(false)) register_buffer(each.key(), each.value());
    holder_ = register_module(adapters, std::make_shared<torch::nn::Module>());
  }

  void adapt(size_t pair, int64_t from, int64_t to) {
    if (from == to) return;
    torch::nn::Conv2d layer = same_conv(static_cast<int>(from), static_cast<int>(to), 1);
    adapters_.emplace(pair, holder_->register_module(std::to_string(pair), layer));
  }
  Tensor adapted(size_t pair, const Tensor& map) {
    const auto found = adapters_.find(pair);
    return found == adapters_.end() ? map : convolve(found->second, map);
  }

 protected:
  Tensor run(Tensor x, Features* maps) override {
    return maps == nullptr ? generator_->forward(std::move(x)) : generator_->forward(std::move(x), *maps);
  }

 private:
  std::shared_ptr<Network> generator_;
  std::shared_ptr<torch::nn::Module> holder_;
  std::map<size_t, torch::nn::Conv2d> adapters_;  // by the place of the pair of layers
};

Teaching::Teaching(const TeachingRecipe& recipe, std::shared_ptr<Network> generator, int scale)
    : recipe_(recipe), generator_(std::move(generator)) {
  const Model model = read_model(find_model(recipe.teacher));
  if (model.architecture.scale != scale)
    throw Error(ErrorKind::invalid_argument, model.weights.file, "enlargement of the teacher",
                std::to_string(scale), std::to_string(model.architecture.scale));
  teacher_ = std::make_shared<GraphNetwork>(model);
  teacher_->eval();
  for (Tensor& parameter : teacher_->parameters()) parameter.set_requires_grad(false);
  if (!compares_layers()) return;
  student_ = std::make_shared<Student>(generator_);
  const torch::NoGradGuard no_gradients;
  constexpr int64_t side = 16;  // a multiple of what any network folds
  const Tensor probe =
      torch::zeros({1, model.architecture.frames * model.architecture.in_channels, side, side});
  Features taught, found;
  teacher_->forward(probe, taught);
  generator_->forward(probe, found);
  for (size_t i = 0; i < recipe.features.size(); ++i) {
    const Tensor& theirs = map_of(taught, recipe.features[i].teacher, "teacher");
    const Tensor& ours = map_of(found, recipe.features[i].student, "student");
    if (theirs.size(2) != ours.size(2) || theirs.size(3) != ours.size(3))
      throw Error(ErrorKind::invalid_argument, "",
                  "layers '" + recipe.features[i].teacher + "' and '" + recipe.features[i].student + "'",
                  "maps of the same size", "one is larger");
    student_->adapt(i, ours.size(1), theirs.size(1));
  }
}

std::shared_ptr<Network> Teaching::student() const {
  return student_ ? std::static_pointer_cast<Network>(student_) : generator_;
}

void Teaching::drop_adapters(StateDict& state) {
  std::erase_if(state.tensors,
                [](const auto& entry) { return entry.first.starts_with(std::string(adapters) + "."); });
}

std::vector<std::string> Teaching::loss_names() const {
  std::vector<std::string> names;
  if (recipe_.output_weight > 0) names.emplace_back("g_teacher");
  if (compares_layers()) names.emplace_back("g_layers");
  return names;
}

Tensor Teaching::shown(const Tensor& small, Features& maps) {
  const torch::NoGradGuard no_gradients;
  Tensor sum = teacher_->forward(small, maps);
  if (!recipe_.self_ensemble) return sum;
  constexpr int ways = 8;
  for (int way = 1; way < ways; ++way)
    sum = sum + turned(teacher_->forward(turned(small, way, false)), way, true);
  return sum / ways;
}

std::vector<Teaching::Part> Teaching::parts(const Tensor& small, const Tensor& made, const Features& maps) {
  Features taught;
  const Tensor wanted = shown(small, taught);
  std::vector<Part> parts;
  if (recipe_.output_weight > 0)
    parts.push_back(
        {"g_teacher", recipe_.output_weight, recipe_.output_distance(precise(made), precise(wanted))});
  if (!compares_layers()) return parts;
  Tensor sum = torch::zeros({}, made.options());
  for (size_t i = 0; i < recipe_.features.size(); ++i) {
    const Tensor ours = student_->adapted(i, map_of(maps, recipe_.features[i].student, "student"));
    sum = sum + recipe_.feature_distance(precise(ours),
                                         precise(map_of(taught, recipe_.features[i].teacher, "teacher")));
  }
  parts.push_back({"g_layers", recipe_.feature_weight, sum / static_cast<double>(recipe_.features.size())});
  return parts;
}

std::optional<TeachingRecipe> read_teaching(Settings& root) {
  if (!root.has("distillation")) return {};
  Settings section = root.section("distillation");
  TeachingRecipe recipe;
  recipe.teacher = section.require<std::string>("teacher");
  recipe.self_ensemble = section.get("self_ensemble", false);
  recipe.output_weight = section.at_least("output_weight", 0.0, 1.0);
  recipe.output_distance = read_distance(section, "output_criterion");
  recipe.feature_weight = section.at_least("feature_weight", 0.0, 0.0);
  if (recipe.feature_weight == 0) {
    section.ignore({"features", "feature_criterion"}, "while feature_weight is 0");
    return recipe;
  }
  recipe.feature_distance = read_distance(section, "feature_criterion");
  for (Settings& pair : section.sections("features"))
    recipe.features.push_back({pair.require<std::string>("teacher"), pair.require<std::string>("student")});
  if (recipe.features.empty()) section.refuse("features", "pairs of layers, {teacher, student}");
  return recipe;
}

}  // namespace esrgan::train
