// A generator against a discriminator: SRGAN, ESRGAN (relativistic) and Real-ESRGAN.
#pragma once

#include "train/schemes/fidelity.h"

namespace esrgan::train {

class Adversarial : public Fidelity {
 public:
  Adversarial(const Recipe& recipe, torch::Device device, const Ranks& ranks);

  std::vector<std::string> loss_names() const override;
  std::vector<TrainedNetwork*> networks() override { return {&generator_, &discriminator_}; }
  bool is_faithful() const override { return false; }

 protected:
  bool generator_learns(int64_t step) const override;
  void add_losses(LossSum& sum, const torch::Tensor& fake, const Targets& targets) override;

 private:
  /// The discriminator learns from what the generator has made.
  void follow(const torch::Tensor& real, int64_t step) override;
  torch::Tensor loss_of_part(const torch::Tensor& real, int part, int64_t step);
  torch::Tensor penalty(const torch::Tensor& real, int part, int64_t step);

  TrainedNetwork discriminator_;
};

}  // namespace esrgan::train
