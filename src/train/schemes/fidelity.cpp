#include "train/schemes/fidelity.h"

#include <cmath>

#include "model/model.h"
#include "train/losses/losses.h"
#include "train/networks/arithmetic.h"
#include "train/networks/convolution.h"
#include "train/networks/generator.h"
#include "train/networks/trace.h"

namespace esrgan::train {
namespace {

using torch::Tensor;

std::shared_ptr<Layer> start_generator(const Recipe& recipe) {
  std::shared_ptr<Layer> generator = make_generator(recipe.generator);
  if (!recipe.generator_start.empty()) load_state(*generator, read_model(recipe.generator_start).weights);
  return generator;
}

LearningRecipe generator_recipe(const Recipe& recipe) {
  LearningRecipe learning = learning_of(recipe, recipe.optimizer_g);
  learning.clip_norm = recipe.clip_norm;
  learning.ema = recipe.ema;
  return learning;
}

}  // namespace

LearningRecipe learning_of(const Recipe& recipe, const OptimizerRecipe& optimizer) {
  LearningRecipe learning;
  learning.optimizer = optimizer;
  learning.schedule = recipe.schedule;
  learning.scaled = recipe.arithmetic == Arithmetic::half;
  return learning;
}

Fidelity::Fidelity(const Recipe& recipe, torch::Device device, const Ranks& ranks)
    : recipe_(recipe),
      device_(device),
      ranks_(ranks),
      generator_("generator", start_generator(recipe), generator_recipe(recipe), device, ranks) {
  if (recipe.losses.perceptual.weight > 0) {
    features_ = std::make_shared<VggFeatures>(recipe.losses.perceptual);
    features_->to(device_);
  }
}

std::vector<std::string> Fidelity::loss_names() const {
  std::vector<std::string> names{"g_total", "g_norm"};
  if (recipe_.losses.pixel_weight > 0) names.emplace_back("g_pixel");
  if (features_) names.emplace_back("g_feature");
  if (recipe_.losses.total_variation > 0) names.emplace_back("g_tv");
  return names;
}

void Fidelity::note(const std::string& name, const Tensor& loss) {
  losses_[name] += loss.detach().item<double>() / recipe_.accumulate;
}

Tensor Fidelity::part_of(const Tensor& whole, int part) const {
  return whole.chunk(recipe_.accumulate)[static_cast<size_t>(part)];
}

bool Fidelity::generator_learns(int64_t /*step*/) const {
  return true;
}

void Fidelity::add_losses(LossSum& sum, const Tensor& fake, const Targets& targets) {
  const LossRecipe& l = recipe_.losses;
  if (l.pixel_weight > 0) sum.add("g_pixel", l.pixel_weight, pixel_loss(l.pixel, fake, targets.wanted));
  if (features_)
    sum.add("g_feature", l.perceptual.weight,
            perceptual_loss(l.perceptual, *features_, fake, targets.wanted));
  if (l.total_variation > 0) sum.add("g_tv", l.total_variation, total_variation(fake));
}

void Fidelity::learn(TrainedNetwork& network, const std::string& norm_name, int64_t step) {
  const Span span(network.name() + ", optimiser", times_.optimiser);
  if (const auto norm = network.step(step))
    losses_[norm_name] = *norm;
  else  // too narrow a precision is no failure
    std::erase_if(losses_, [](const auto& loss) { return !std::isfinite(loss.second); });
}

void Fidelity::generator_step(const Tensor& lr, const Targets& targets, int64_t step) {
  const bool learns = generator_learns(step);
  if (learns) generator_.zero_gradients();
  for (int part = 0; part < recipe_.accumulate; ++part) {
    Tensor loss;
    {
      const Span span("generator, forward", times_.forward);
      const torch::AutoGradMode gradients(learns);
      const AutocastGuard autocast(recipe_.arithmetic, device_);
      const KernelsGuard kernels(recipe_.arithmetic == Arithmetic::bfloat16);
      const Tensor fake = generator_.forward(part_of(lr, part)).to(torch::kFloat);
      fakes_.push_back(fake.detach());
      if (learns) {
        LossSum sum(*this, fake.options());
        add_losses(sum, fake, {part_of(targets.wanted, part), part_of(targets.real, part)});
        note("g_total", sum.total());
        loss = sum.total() * (1.0 / recipe_.accumulate);
      }
    }
    const Span span("generator, backward", times_.backward);
    if (learns) generator_.backward(loss, part + 1 == recipe_.accumulate);
  }
  if (learns) learn(generator_, "g_norm", step);
  generator_.follow();
}

Tensor Fidelity::pictures(const Batch& batch, const std::vector<float>& values, int side) const {
  const Tensor tensor =
      torch::from_blob(const_cast<float*>(values.data()), {batch.count, 3, side, side}, torch::kFloat);
  return tensor.to(
      tensor.options().device(device_), /*non_blocking=*/false, /*copy=*/true,
      recipe_.channels_last ? torch::MemoryFormat::ChannelsLast : torch::MemoryFormat::Contiguous);
}

std::map<std::string, double> Fidelity::step(const Batch& batch, int64_t step) {
  losses_.clear();
  fakes_.clear();
  times_ = {};
  const Tensor lr = pictures(batch, batch.lr, batch.lr_size), hr = pictures(batch, batch.hr, batch.hr_size);
  generator_.train();
  generator_step(lr, {batch.sharp.empty() ? hr : pictures(batch, batch.sharp, batch.hr_size), hr}, step);
  follow(hr, step);
  fakes_.clear();
  return losses_;
}

}  // namespace esrgan::train
