#include "train/schemes/adversarial.h"

#include "train/data/random.h"
#include "train/losses/losses.h"
#include "train/networks/arithmetic.h"
#include "train/networks/convolution.h"
#include "train/networks/discriminator.h"
#include "train/networks/trace.h"
#include "weights/read_weights.h"

namespace esrgan::train {
namespace {

using torch::Tensor;

std::shared_ptr<Layer> start_discriminator(const Recipe& recipe) {
  std::shared_ptr<Layer> discriminator = make_discriminator(recipe.discriminator);
  if (!recipe.discriminator_start.empty())
    load_state(*discriminator, read_weights(recipe.discriminator_start, select_unwrapped));
  return discriminator;
}

}  // namespace

Adversarial::Adversarial(const Recipe& recipe, torch::Device device, const Ranks& ranks)
    : Fidelity(recipe, device, ranks),
      discriminator_("discriminator", start_discriminator(recipe), learning_of(recipe, recipe.optimizer_d),
                     device, ranks) {}

std::vector<std::string> Adversarial::loss_names() const {
  std::vector<std::string> names = Fidelity::loss_names();
  for (const char* name : {"g_gan", "d_loss", "d_norm", "d_real", "d_fake"}) names.emplace_back(name);
  if (recipe_.losses.gan == GanLoss::wasserstein) names.emplace_back("d_penalty");
  return names;
}

bool Adversarial::generator_learns(int64_t step) const {
  return step >= recipe_.discriminator_first && step % recipe_.discriminator_every == 0;
}

void Adversarial::add_losses(LossSum& sum, const Tensor& fake, const Targets& targets) {
  Fidelity::add_losses(sum, fake, targets);
  discriminator_.require_gradients(false);
  const GanLoss kind = recipe_.losses.gan;
  Tensor real;
  if (kind == GanLoss::relativistic) {
    const torch::NoGradGuard no_gradients;
    real = discriminator_.forward(targets.real).to(torch::kFloat);
  }
  sum.add("g_gan", recipe_.losses.gan_weight,
          generator_loss(kind, discriminator_.forward(fake).to(torch::kFloat), real));
}

Tensor Adversarial::penalty(const Tensor& real, int part, int64_t step) {
  Random random{recipe_.seed, 0x6AD, static_cast<uint64_t>(step), static_cast<uint64_t>(part),
                static_cast<uint64_t>(ranks_.rank())};
  Tensor mix = torch::empty({real.size(0), 1, 1, 1});
  for (int64_t i = 0; i < real.size(0); ++i) mix.data_ptr<float>()[i] = static_cast<float>(random.uniform());
  return gradient_penalty([this](const Tensor& x) { return discriminator_.forward(x); }, real,
                          fakes_[static_cast<size_t>(part)], mix.to(device_));
}

Tensor Adversarial::loss_of_part(const Tensor& real, int part, int64_t step) {
  const LossRecipe& l = recipe_.losses;
  const bool penalised = l.gan == GanLoss::wasserstein;
  const Span span("discriminator, forward", times_.forward);
  const AutocastGuard autocast(recipe_.arithmetic, device_);
  // A gradient penalty differentiates twice.
  const KernelsGuard kernels(recipe_.arithmetic == Arithmetic::bfloat16 && !penalised);
  const Tensor of_real = discriminator_.forward(real).to(torch::kFloat);
  const Tensor of_fake = discriminator_.forward(fakes_[static_cast<size_t>(part)]).to(torch::kFloat);
  Tensor loss = discriminator_loss(l.gan, of_fake, of_real);
  note("d_loss", loss);
  note("d_real", of_real.mean());
  note("d_fake", of_fake.mean());
  if (!penalised) return loss;
  const Tensor found = penalty(real, part, step);
  note("d_penalty", found);
  return loss + l.gradient_penalty * found;
}

void Adversarial::follow(const Tensor& real, int64_t step) {
  discriminator_.require_gradients(true);
  discriminator_.zero_gradients();
  for (int part = 0; part < recipe_.accumulate; ++part) {
    const Tensor loss = loss_of_part(part_of(real, part), part, step);
    const Span span("discriminator, backward", times_.backward);
    discriminator_.backward(loss * (1.0 / recipe_.accumulate), part + 1 == recipe_.accumulate);
  }
  learn(discriminator_, "d_norm", step);
}

}  // namespace esrgan::train
