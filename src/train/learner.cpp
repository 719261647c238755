#include "train/learner.h"

#include <esrgan/error.h>

#include "base/text.h"
#include "model/model.h"
#include "train/arithmetic.h"
#include "train/convolution.h"
#include "train/discriminator.h"
#include "train/generator.h"
#include "train/losses.h"
#include "train/random.h"
#include "train/schedule.h"
#include "train/trace.h"
#include "weights/read_weights.h"

namespace esrgan::train {
namespace {

using torch::Tensor;

const StateDict& group(const Checkpoint& checkpoint, const std::string& name) {
  const auto found = checkpoint.groups.find(name);
  if (found == checkpoint.groups.end())
    throw Error(ErrorKind::bad_data, "", "the checkpoint lacks the " + name);
  return found->second;
}

/// Loads a public or own weight file into a fresh generator.
void start_from(Layer& generator, const std::string& file) {
  load_state(generator, read_model(file).weights);
}

}  // namespace

Learner::Learner(const Recipe& recipe, torch::Device device, const Ranks& ranks)
    : recipe_(recipe),
      device_(device),
      ranks_(ranks),
      g_scale_(recipe.arithmetic == Arithmetic::half),
      d_scale_(recipe.arithmetic == Arithmetic::half) {
  if (recipe.arithmetic == Arithmetic::half && device.is_cpu())
    throw Error(ErrorKind::unsupported, "", "train.precision", "full or bf16 on a processor",
                "fp16, which only GPUs compute in");
  torch::manual_seed(recipe.seed);
  generator_ = make_generator(recipe.generator);
  if (!recipe.generator_start.empty()) start_from(*generator_, recipe.generator_start);
  generator_->to(device_);
  g_flat_.emplace(*generator_);
  g_adam_.emplace(recipe.optimizer_g, *g_flat_);
  g_mean_.emplace(ranks, g_flat_->parameters());
  if (recipe.ema > 0) {
    mean_generator_ = make_generator(recipe.generator);
    load_state(*mean_generator_, state_of(*generator_));
    mean_generator_->to(device_);
    mean_flat_.emplace(*mean_generator_);
  }
  if (recipe.losses.perceptual.weight > 0) {
    features_ = std::make_shared<VggFeatures>(recipe.losses.perceptual);
    features_->to(device_);
  }
  if (!recipe.adversarial()) return;
  discriminator_ = make_discriminator(recipe.discriminator);
  if (!recipe.discriminator_start.empty())
    load_state(*discriminator_, read_weights(recipe.discriminator_start, select_unwrapped));
  discriminator_->to(device_);
  d_flat_.emplace(*discriminator_);
  d_adam_.emplace(recipe.optimizer_d, *d_flat_);
  d_mean_.emplace(ranks, d_flat_->parameters());
}

void Learner::note(const std::string& name, const Tensor& loss, double share) {
  losses_[name] += loss.detach().item<double>() * share;
}

Tensor Learner::generator_losses(const Tensor& fake, const Targets& targets) {
  const LossRecipe& l = recipe_.losses;
  const double share = 1.0 / recipe_.accumulate;
  Tensor total = torch::zeros({}, fake.options());
  const auto add = [&](const std::string& name, double weight, const Tensor& loss) {
    note(name, loss, share);
    total = total + weight * loss;
  };
  if (l.pixel_weight > 0) add("g_pixel", l.pixel_weight, pixel_loss(l.pixel, fake, targets.wanted));
  if (features_)
    add("g_feature", l.perceptual.weight, perceptual_loss(l.perceptual, *features_, fake, targets.wanted));
  if (l.total_variation > 0) add("g_tv", l.total_variation, total_variation(fake));
  if (discriminator_) {
    Tensor real;
    if (l.gan == GanLoss::relativistic) {
      const torch::NoGradGuard no_gradients;
      real = discriminator_->forward(targets.real).to(torch::kFloat);
    }
    add("g_gan", l.gan_weight, generator_loss(l.gan, discriminator_->forward(fake).to(torch::kFloat), real));
  }
  note("g_total", total, share);
  return total * share;
}

void Learner::backward(const Tensor& loss, const LossScale& scale, GradientMean& mean, bool last) {
  const Tensor scaled = scale.factor() == 1 ? loss : loss * scale.factor();
  if (last) mean.expect(scaled);
  ranks_.together([&] { scaled.backward(); });
}

void Learner::generator_step(const Tensor& lr, const Targets& targets, int64_t step) {
  const bool learns = step >= recipe_.discriminator_first && step % recipe_.discriminator_every == 0;
  if (d_flat_) d_flat_->require_gradients(false);
  g_flat_->zero_gradients();
  for (int part = 0; part < recipe_.accumulate; ++part) {
    const auto chunk = [&](const Tensor& whole) {
      return whole.chunk(recipe_.accumulate)[static_cast<size_t>(part)];
    };
    const Tensor small = chunk(lr);
    const Targets large{chunk(targets.wanted), chunk(targets.real)};
    Tensor loss, fake;
    {
      const Span span("generator, forward", times_.forward);
      const torch::AutoGradMode gradients(learns);
      const AutocastGuard autocast(recipe_.arithmetic, device_);
      const KernelsGuard kernels(recipe_.arithmetic == Arithmetic::bfloat16);
      fake = generator_->forward(small).to(torch::kFloat);
      fakes_.push_back(fake.detach());
      if (learns) loss = generator_losses(fake, large);
    }
    const Span span("generator, backward", times_.backward);
    if (learns) backward(loss, g_scale_, *g_mean_, part + 1 == recipe_.accumulate);
  }
  if (!learns) return;
  const Span span("generator, optimiser", times_.optimiser);
  if (!g_scale_.accept(g_flat_->divide(g_scale_.factor()))) return;
  losses_["g_norm"] = g_flat_->clip(recipe_.clip_norm);
  g_adam_->step(*g_flat_, learning_rate(recipe_.schedule, recipe_.optimizer_g.rate, step));
  if (!mean_flat_) return;
  const torch::NoGradGuard no_gradients;
  mean_flat_->values().lerp_(g_flat_->values(), 1 - recipe_.ema);
}

void Learner::discriminator_step(const Tensor& hr, int64_t step) {
  const LossRecipe& l = recipe_.losses;
  const double share = 1.0 / recipe_.accumulate;
  d_flat_->require_gradients(true);
  d_flat_->zero_gradients();
  for (size_t part = 0; part < fakes_.size(); ++part) {
    const Tensor large = hr.chunk(recipe_.accumulate)[part];
    Tensor loss;
    {
      const Span span("discriminator, forward", times_.forward);
      const AutocastGuard autocast(recipe_.arithmetic, device_);
      // A gradient penalty differentiates twice.
      const KernelsGuard kernels(recipe_.arithmetic == Arithmetic::bfloat16 && l.gan != GanLoss::wasserstein);
      const Tensor real = discriminator_->forward(large).to(torch::kFloat);
      const Tensor fake = discriminator_->forward(fakes_[part]).to(torch::kFloat);
      loss = discriminator_loss(l.gan, fake, real);
      note("d_loss", loss, share);
      note("d_real", real.mean(), share);
      note("d_fake", fake.mean(), share);
      if (l.gan == GanLoss::wasserstein) {
        Random random{recipe_.seed, 0x6AD, static_cast<uint64_t>(step), part,
                      static_cast<uint64_t>(ranks_.rank())};
        Tensor mix = torch::empty({large.size(0), 1, 1, 1});
        for (int64_t i = 0; i < large.size(0); ++i)
          mix.data_ptr<float>()[i] = static_cast<float>(random.uniform());
        const Tensor penalty =
            gradient_penalty([this](Tensor x) { return discriminator_->forward(std::move(x)); }, large,
                             fakes_[part], mix.to(device_));
        note("d_penalty", penalty, share);
        loss = loss + l.gradient_penalty * penalty;
      }
    }
    const Span span("discriminator, backward", times_.backward);
    backward(loss * share, d_scale_, *d_mean_, part + 1 == fakes_.size());
  }
  const Span span("discriminator, optimiser", times_.optimiser);
  if (!d_scale_.accept(d_flat_->divide(d_scale_.factor()))) return;
  losses_["d_norm"] = d_flat_->clip(0);
  d_adam_->step(*d_flat_, learning_rate(recipe_.schedule, recipe_.optimizer_d.rate, step));
}

std::map<std::string, double> Learner::step(const Batch& batch, int64_t step) {
  losses_.clear();
  fakes_.clear();
  times_ = {};
  const auto pictures = [&](const std::vector<float>& values, int side) {
    Tensor tensor =
        torch::from_blob(const_cast<float*>(values.data()), {batch.count, 3, side, side}, torch::kFloat);
    return tensor.to(
        tensor.options().device(device_), /*non_blocking=*/false, /*copy=*/true,
        recipe_.channels_last ? torch::MemoryFormat::ChannelsLast : torch::MemoryFormat::Contiguous);
  };
  const Tensor lr = pictures(batch.lr, batch.lr_size), hr = pictures(batch.hr, batch.hr_size);
  generator_->train();
  generator_step(lr, {batch.sharp.empty() ? hr : pictures(batch.sharp, batch.hr_size), hr}, step);
  if (discriminator_) discriminator_step(hr, step);
  fakes_.clear();
  return losses_;
}

void Learner::synchronise() {
  const auto network = [&](Layer& layer, FlatParameters& parameters) {
    ranks_.broadcast(parameters.values());
    for (const Tensor& buffer : layer.buffers()) ranks_.broadcast(buffer);
  };
  const auto scale = [&](LossScale& factor) {
    const Tensor numbers =
        torch::tensor({factor.factor(), static_cast<double>(factor.finite_steps())}, torch::kDouble);
    ranks_.broadcast(numbers);
    factor.restore(numbers[0].item<double>(), static_cast<int64_t>(numbers[1].item<double>()));
  };
  scale(g_scale_);
  scale(d_scale_);
  const auto adam = [&](Adam& optimiser) {
    ranks_.broadcast(optimiser.mean);
    ranks_.broadcast(optimiser.square);
    const Tensor steps = torch::tensor({optimiser.steps});
    ranks_.broadcast(steps);
    optimiser.steps = steps.item<int64_t>();
  };
  network(*generator_, *g_flat_);
  adam(*g_adam_);
  if (mean_generator_) network(*mean_generator_, *mean_flat_);
  if (!discriminator_) return;
  network(*discriminator_, *d_flat_);
  adam(*d_adam_);
}

StateDict Learner::generator() const {
  StateDict state = state_of(*generator_);
  if (!mean_generator_) return state;
  const StateDict means = state_of(*mean_generator_);
  for (const auto& parameter : mean_generator_->named_parameters())
    state.tensors.at(parameter.key()) = means.at(parameter.key());
  return state;
}

void Learner::save(Checkpoint& checkpoint) const {
  const auto add_adam = [&](const std::string& name, const Adam& adam, const FlatParameters& parameters) {
    checkpoint.groups[name + ".mean"] = parameters.split(adam.mean);
    checkpoint.groups[name + ".square"] = parameters.split(adam.square);
    checkpoint.numbers[name + ".steps"] = std::to_string(adam.steps);
  };
  const auto add_scale = [&](const std::string& name, const LossScale& scale) {
    checkpoint.numbers[name + ".factor"] = exact_text_of(scale.factor());
    checkpoint.numbers[name + ".finite_steps"] = std::to_string(scale.finite_steps());
  };
  add_scale("scale_g", g_scale_);
  add_scale("scale_d", d_scale_);
  checkpoint.groups["generator"] = state_of(*generator_);
  add_adam("adam_g", *g_adam_, *g_flat_);
  if (mean_generator_) checkpoint.groups["generator_ema"] = state_of(*mean_generator_);
  if (!discriminator_) return;
  checkpoint.groups["discriminator"] = state_of(*discriminator_);
  add_adam("adam_d", *d_adam_, *d_flat_);
}

void Learner::load(const Checkpoint& checkpoint) {
  const torch::NoGradGuard no_gradients;
  const auto load_adam = [&](const std::string& name, Adam& adam, const FlatParameters& parameters) {
    parameters.join(group(checkpoint, name + ".mean"), adam.mean);
    parameters.join(group(checkpoint, name + ".square"), adam.square);
    adam.steps = std::stoll(checkpoint.number(name + ".steps"));
  };
  const auto load_scale = [&](const std::string& name, LossScale& scale) {
    scale.restore(number_of(checkpoint.number(name + ".factor")),
                  std::stoll(checkpoint.number(name + ".finite_steps")));
  };
  load_scale("scale_g", g_scale_);
  load_scale("scale_d", d_scale_);
  load_state(*generator_, group(checkpoint, "generator"));
  load_adam("adam_g", *g_adam_, *g_flat_);
  if (mean_generator_) load_state(*mean_generator_, group(checkpoint, "generator_ema"));
  if (!discriminator_) return;
  load_state(*discriminator_, group(checkpoint, "discriminator"));
  load_adam("adam_d", *d_adam_, *d_flat_);
}

}  // namespace esrgan::train
