// A generator against a discriminator: SRGAN, ESRGAN (relativistic) and Real-ESRGAN.
#pragma once

#include "train/losses/gan.h"
#include "train/networks/discriminator.h"
#include "train/schemes/fidelity.h"

namespace esrgan::train {

struct AdversarialRecipe : FidelityRecipe {  ///< its losses stand beside the discriminator's
  GanRecipe gan;
  MakeNetwork discriminator;
  std::string start;  ///< its weight file, or empty
  OptimiserRecipe optimiser;
  int generator_every = 1;      ///< steps of the discriminator for one of the generator
  int64_t generator_first = 0;  ///< steps in which the generator rests
};

class Adversarial : public Fidelity {
 public:
  Adversarial(const Recipe& recipe, const AdversarialRecipe& own, torch::Device device, const Ranks& ranks);

  std::vector<std::string> loss_names() const override;
  std::vector<TrainedNetwork*> networks() override { return {&generator_, &discriminator_}; }
  bool is_faithful() const override { return false; }

 protected:
  bool generator_learns(int64_t step) const override;
  void add_losses(LossSum& sum, const LossInputs& inputs) override;

 private:
  /// The discriminator learns from what the generator has made.
  void after_generator(const torch::Tensor& real, int64_t step) override;
  torch::Tensor loss_of_part(const torch::Tensor& real, int part, int64_t step);
  torch::Tensor penalty(const torch::Tensor& real, int part, int64_t step);

  AdversarialRecipe own_;
  TrainedNetwork discriminator_;
};

}  // namespace esrgan::train
