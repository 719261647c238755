// A generator that learns to be near the originals, by the recipe's losses.
#pragma once

#include <optional>

#include "train/losses/loss.h"
#include "train/schemes/scheme.h"
#include "train/schemes/teaching.h"

namespace esrgan::train {

/// What the generator learns from.
struct FidelityRecipe {
  std::vector<LossTerm> losses;            ///< against the originals
  std::optional<TeachingRecipe> teaching;  ///< by another network
  double sparsity = 0;                     ///< weight of the sum of |gamma| of its batch normalisation
};

class Fidelity : public Scheme {
 public:
  Fidelity(const Recipe& recipe, const FidelityRecipe& own, torch::Device device, const Ranks& ranks);

  std::map<std::string, double> step(const Batch& batch, int64_t step) override;
  std::vector<std::string> loss_names() const override;
  std::vector<TrainedNetwork*> networks() override { return {&generator_}; }
  StateDict result() override;
  bool is_faithful() const override { return true; }

 protected:
  /// Losses of a part of a batch, added up with their weights.
  class LossSum {
   public:
    LossSum(Fidelity& scheme, const torch::TensorOptions& options)
        : scheme_(scheme), total_(torch::zeros({}, options)) {}
    void add(const std::string& name, double weight, const torch::Tensor& loss) {
      scheme_.note(name, loss);
      total_ = total_ + weight * loss;
    }
    const torch::Tensor& total() const { return total_; }

   private:
    Fidelity& scheme_;
    torch::Tensor total_;
  };

  virtual bool generator_learns(int64_t step) const;
  virtual void add_losses(LossSum& sum, const LossInputs& inputs);
  /// Whether the step needs the maps of the generator's layers.
  virtual bool needs_maps() const { return teaching_ && teaching_->compares_layers(); }
  /// Losses of a part of the batch, of these small pictures, that look at maps.
  virtual void add_losses_of_maps(LossSum& /*sum*/, const torch::Tensor& /*small*/, const Features& /*maps*/,
                                  int /*part*/) {}

  /// A loss of one of the parts of a batch; it stays on the device until the step's end.
  void note(const std::string& name, const torch::Tensor& loss);
  torch::Tensor part_of(const torch::Tensor& whole, int part) const;
  void learn(TrainedNetwork& network, const std::string& norm_name, int64_t step);

  Recipe recipe_;
  torch::Device device_;
  const Ranks& ranks_;
  std::optional<Teaching> teaching_;
  TrainedNetwork generator_;
  std::vector<torch::Tensor> fakes_;  // of this step, one for each part

 private:
  struct Term {
    std::string name;
    double weight;
    std::shared_ptr<Loss> loss;
  };

  void generator_step(const torch::Tensor& lr, const LossInputs& whole, int64_t step);
  /// What follows when the generator has made its pictures from small ones.
  virtual void after_generator(const torch::Tensor& /*real*/, int64_t /*step*/) {}
  std::map<std::string, double> read_losses_of_step();

  std::vector<Term> terms_;
  double sparsity_ = 0;
  bool needs_smooth_ = false;
  std::map<std::string, torch::Tensor> losses_;  // of this step
  bool too_narrow_ = false;                      // half precision was, in this step
};

/// `train.sparsity`, for pruning by gamma.
double read_sparsity(Settings& train);

// ---- for schemes of other kinds, too ----

/// The recipe's generator as it begins: fresh, from its start file, or that of a model's file.
std::shared_ptr<Network> start_generator(const Recipe& recipe);

/// How a network of the recipe learns, and its generator.
LearningRecipe learning_of(const Recipe& recipe, const OptimiserRecipe& optimiser);
LearningRecipe generator_recipe(const Recipe& recipe);

/// An array of a batch, on the device.
torch::Tensor pictures_of(const Batch& batch, const std::string& name, const Recipe& recipe,
                          torch::Device device);

/// Numbers of double precision; all of them are read from the device at once.
std::map<std::string, double> read_at_once(const std::map<std::string, torch::Tensor>& losses);

}  // namespace esrgan::train
