// Several tasks in one network: L = the losses of the large picture + for each task its weight times the
// mean distance of the second head's picture, in the small one's size, from what was there before the damage,
// over the samples that have it.
#include <esrgan/error.h>

#include <array>
#include <string>

#include "model/families/task_heads.h"
#include "train/schemes/fidelity.h"
#include "train/schemes/kinds.h"

namespace esrgan::train {
namespace {

using torch::Tensor;

struct TasksRecipe : FidelityRecipe {
  std::array<double, task_names.size()> weights{};
};

class Tasks : public Fidelity {
 public:
  Tasks(const Recipe& recipe, const TasksRecipe& own, torch::Device device, const Ranks& ranks)
      : Fidelity(recipe, own, device, ranks), weights_(own.weights) {}

  std::map<std::string, double> step(const Batch& batch, int64_t step) override {
    restored_ = pictures_of(batch, "restored", recipe_, device_);
    return Fidelity::step(batch, step);
  }

  std::vector<std::string> loss_names() const override {
    std::vector<std::string> names = Fidelity::loss_names();
    for (const char* task : task_names) names.push_back(name_of(task));
    return names;
  }

 protected:
  bool needs_maps() const override { return true; }

  void add_losses_of_maps(LossSum& sum, const Tensor& small, const Features& maps, int part) override {
    const Tensor strengths = small.slice(1, 3).select(3, 0).select(2, 0);
    for (const auto& [name, map] : maps) {
      if (name != small_head) continue;
      const Tensor distance = precise(map - part_of(restored_, part)).abs().mean({1, 2, 3});
      for (size_t t = 0; t < weights_.size(); ++t) {
        const Tensor has = (strengths.select(1, static_cast<int64_t>(t)) > 0).to(distance.dtype());
        sum.add(name_of(task_names.at(t)), weights_.at(t), (distance * has).sum() / has.sum().clamp_min(1));
      }
    }
  }

 private:
  static std::string name_of(const char* task) { return std::string("g_") + task; }

  std::array<double, task_names.size()> weights_;
  Tensor restored_;  // of this step's batch
};

}  // namespace

MakeScheme read_tasks(Settings& root, const Recipe& recipe) {
  if (!recipe.generator.tasks) root.refuse("network_G", "tasks: true, with scheme: tasks");
  root.ignore({"network_D", "optimizer_D"}, "with scheme: tasks");
  Settings train = root.section("train");
  TasksRecipe own;
  own.losses = read_losses(train, false, recipe.ema > 0).terms;
  for (size_t t = 0; t < own.weights.size(); ++t)
    own.weights.at(t) = train.at_least(task_names.at(t) + std::string("_weight"), 0.0, 0.2);
  return [own](const Recipe& r, torch::Device device, const Ranks& ranks) {
    return std::make_unique<Tasks>(r, own, device, ranks);
  };
}

}  // namespace esrgan::train
