// The networks of a run with their optimisers, and what one step does to them.
#pragma once

#include <torch/types.h>

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "train/batches.h"
#include "train/checkpoint.h"
#include "train/features.h"
#include "train/loss_scale.h"
#include "train/parameters.h"
#include "train/ranks.h"

namespace esrgan::train {

/// Seconds of the parts of a step.
struct StepTimes {
  double forward = 0, backward = 0, optimiser = 0;
};

class Learner {
 public:
  /// Fresh networks, or those of the recipe's start files. `ranks` must outlive the learner.
  Learner(const Recipe& recipe, torch::Device device, const Ranks& ranks);

  /// One step on this process's part of a batch; returns the part's losses by name, unweighted but for their
  /// sum "g_total".
  std::map<std::string, double> step(const Batch& batch, int64_t step);

  /// Everything that the next step depends on.
  void save(Checkpoint& checkpoint) const;
  void load(const Checkpoint& checkpoint);
  /// Makes all of it that of the first process.
  void synchronise();

  /// The generator that is to be used: its running mean when the recipe has one.
  StateDict generator() const;

  size_t generator_parameters() const { return static_cast<size_t>(g_flat_->values().numel()); }
  size_t discriminator_parameters() const {
    return d_flat_ ? static_cast<size_t>(d_flat_->values().numel()) : 0;
  }
  /// Of the last step.
  const StepTimes& times() const { return times_; }
  /// Of the generator's parameters and the gradients of the last step.
  std::vector<LayerNorm> gradient_flow() const { return g_flat_->norms(); }

 private:
  /// The last of the parts of a batch takes the mean over the processes.
  void backward(const torch::Tensor& loss, const LossScale& scale, GradientMean& mean, bool last);
  /// What the generator is compared with: by pixels and features, and by the discriminator.
  struct Targets {
    torch::Tensor wanted, real;
  };
  void generator_step(const torch::Tensor& lr, const Targets& targets, int64_t step);
  void discriminator_step(const torch::Tensor& hr, int64_t step);
  torch::Tensor generator_losses(const torch::Tensor& fake, const Targets& targets);
  void note(const std::string& name, const torch::Tensor& loss, double share);

  Recipe recipe_;
  torch::Device device_;
  const Ranks& ranks_;
  std::shared_ptr<Layer> generator_, discriminator_, mean_generator_;
  std::shared_ptr<VggFeatures> features_;
  std::optional<FlatParameters> g_flat_, d_flat_, mean_flat_;
  std::optional<Adam> g_adam_, d_adam_;
  LossScale g_scale_, d_scale_;
  std::optional<GradientMean> g_mean_, d_mean_;  // over the processes
  std::vector<torch::Tensor> fakes_;             // of this step, one for each part
  std::map<std::string, double> losses_;
  StepTimes times_;
};

}  // namespace esrgan::train
