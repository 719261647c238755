// A network with all that it needs to learn.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "train/networks/checkpoint.h"
#include "train/networks/layers.h"
#include "train/networks/loss_scale.h"
#include "train/networks/optimiser.h"
#include "train/networks/parameters.h"
#include "train/networks/ranks.h"
#include "train/networks/torch_support.h"
#include "train/schedule.h"

namespace esrgan::train {

/// How a network learns.
struct LearningRecipe {
  OptimiserRecipe optimiser;
  ScheduleRecipe schedule;
  double clip_norm = 0;  ///< of the gradients; 0: none
  double ema = 0;        ///< decay of the running mean of the parameters; 0: none
  bool scaled = false;   ///< losses are scaled, as half precision asks for
};

/// A module, its parameters in one piece, their optimiser, the scale of the loss, the mean of the gradients
/// over the processes, and the running mean of the parameters. All of it that the next step depends on is
/// saved, loaded and synchronised here.
class TrainedNetwork {
 public:
  /// `name` begins the names of its groups in checkpoints. `ranks` must outlive the network.
  TrainedNetwork(std::string name, std::shared_ptr<Network> module, const LearningRecipe& recipe,
                 torch::Device device, const Ranks& ranks);

  const std::string& name() const { return name_; }
  torch::Tensor forward(const torch::Tensor& x) { return module_->forward(x); }
  /// The same; adds the maps of its layers.
  torch::Tensor forward(const torch::Tensor& x, Features& features) { return module_->forward(x, features); }
  /// By the parameters that are to be used, without gradients. Not while a loss of forward() waits for its
  /// backward pass.
  torch::Tensor forward_result(const torch::Tensor& x);
  bool has_running_mean() const { return ema_.defined(); }
  void train() { module_->train(); }
  /// The gammas of its batch normalisation.
  std::vector<torch::Tensor> norm_scales() const;
  int64_t parameters() const { return flat_.values().numel(); }

  /// While off, gradients flow through the network but not to its parameters.
  void require_gradients(bool on) { flat_.require_gradients(on); }
  void zero_gradients() { flat_.zero_gradients(); }
  /// Adds the gradients of a loss to those that are there. The last of the parts of a batch takes the mean
  /// over the processes.
  void backward(const torch::Tensor& loss, bool last);
  /// The same for a loss of several networks, whose losses are not scaled.
  static void backward(std::initializer_list<TrainedNetwork*> networks, const torch::Tensor& loss);
  /// What the optimiser makes of the gradients in step `step`. Returns their Euclidean norm before they are
  /// clipped; nothing where the step is skipped, since half precision could not hold them.
  std::optional<torch::Tensor> step(int64_t step);
  /// Once a step, whether it learns or not: the running mean is brought up to date.
  void update_running_mean();

  /// Of each parameter and of its gradient in the last step in which the network learned, before clipping.
  std::vector<ParameterNorm> norms() const;

  /// The network that is to be used: with the running means, if the recipe has them; otherwise with what the
  /// optimiser says.
  StateDict result() const;

  void save(Checkpoint& checkpoint);
  void load(const Checkpoint& checkpoint);
  /// Makes all of it that of the first process.
  void synchronise();

 private:
  torch::Tensor best_values() const;

  std::string name_;
  std::shared_ptr<Network> module_;
  LearningRecipe recipe_;
  const Ranks& ranks_;
  FlatParameters flat_;
  std::unique_ptr<Optimiser> optimiser_;
  LossScale scale_;
  GradientMean gradient_mean_;
  torch::Tensor ema_;         // flat, or undefined
  torch::Tensor clipped_to_;  // what the last step's gradients were multiplied by; undefined before
};

}  // namespace esrgan::train
