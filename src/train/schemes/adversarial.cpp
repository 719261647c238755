#include "train/schemes/adversarial.h"

#include "train/data/random.h"
#include "train/networks/arithmetic.h"
#include "train/networks/convolution.h"
#include "train/networks/torch_support.h"
#include "train/networks/trace.h"
#include "train/schemes/kinds.h"
#include "weights/read_weights.h"

namespace esrgan::train {
namespace {

using torch::Tensor;

std::shared_ptr<Network> start_discriminator(const AdversarialRecipe& own) {
  std::shared_ptr<Network> discriminator = own.discriminator();
  if (!own.start.empty()) load_state(*discriminator, read_weights(own.start, select_unwrapped));
  return discriminator;
}

}  // namespace

Adversarial::Adversarial(const Recipe& recipe, const AdversarialRecipe& own, torch::Device device,
                         const Ranks& ranks)
    : Fidelity(recipe, own, device, ranks),
      own_(own),
      discriminator_("discriminator", start_discriminator(own), learning_of(recipe, own.optimiser), device,
                     ranks) {}

std::vector<std::string> Adversarial::loss_names() const {
  std::vector<std::string> names = Fidelity::loss_names();
  for (const char* name : {"g_gan", "d_loss", "d_norm", "d_real", "d_fake"}) names.emplace_back(name);
  if (own_.gan.loss == GanLoss::wasserstein) names.emplace_back("d_penalty");
  return names;
}

bool Adversarial::generator_learns(int64_t step) const {
  return step >= own_.generator_first && step % own_.generator_every == 0;
}

void Adversarial::add_losses(LossSum& sum, const LossInputs& inputs) {
  discriminator_.require_gradients(false);
  LossInputs all = inputs;
  all.discriminator_features = [this](const Tensor& pictures) {
    Features features;
    discriminator_.forward(pictures, features);
    std::vector<Tensor> maps;
    for (auto& [name, map] : features) maps.push_back(std::move(map));
    return maps;
  };
  Fidelity::add_losses(sum, all);
  Tensor real;
  if (own_.gan.loss == GanLoss::relativistic) {
    const torch::NoGradGuard no_gradients;
    real = discriminator_.forward(inputs.real).to(torch::kFloat);
  }
  sum.add("g_gan", own_.gan.weight,
          generator_loss(own_.gan.loss, discriminator_.forward(inputs.fake).to(torch::kFloat), real));
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
  const bool penalised = own_.gan.loss == GanLoss::wasserstein;
  const Span span("discriminator, forward", times_.forward);
  const AutocastGuard autocast(recipe_.arithmetic, device_);
  // A gradient penalty differentiates twice.
  const KernelsGuard kernels(recipe_.arithmetic == Arithmetic::bfloat16 && !penalised);
  const Tensor of_real = discriminator_.forward(real).to(torch::kFloat);
  const Tensor of_fake = discriminator_.forward(fakes_[static_cast<size_t>(part)]).to(torch::kFloat);
  Tensor loss = discriminator_loss(own_.gan.loss, of_fake, of_real);
  note("d_loss", loss);
  note("d_real", of_real.mean());
  note("d_fake", of_fake.mean());
  if (!penalised) return loss;
  const Tensor found = penalty(real, part, step);
  note("d_penalty", found);
  return loss + own_.gan.penalty * found;
}

void Adversarial::after_generator(const Tensor& real, int64_t step) {
  discriminator_.require_gradients(true);
  discriminator_.zero_gradients();
  for (int part = 0; part < recipe_.accumulate; ++part) {
    const Tensor loss = loss_of_part(part_of(real, part), part, step);
    const Span span("discriminator, backward", times_.backward);
    discriminator_.backward(loss * (1.0 / recipe_.accumulate), part + 1 == recipe_.accumulate);
  }
  learn(discriminator_, "d_norm", step);
}

MakeScheme read_adversarial(Settings& root, const Recipe& recipe) {
  AdversarialRecipe own;
  own.discriminator = read_discriminator(root.section("network_D"), recipe.data.hr_size);
  own.start = root.section("path").get<std::string>("pretrain_model_D", "");
  Settings train = root.section("train");
  const LossRecipe losses = read_losses(train, true, recipe.ema > 0);
  own.losses = losses.terms;
  own.gan = losses.gan;
  own.teaching = read_teaching(root);
  own.sparsity = read_sparsity(train);
  own.generator_every = train.at_least("D_update_ratio", 1, 1);
  own.generator_first = train.at_least("D_init_iters", int64_t{0}, int64_t{0});
  own.optimiser = read_optimiser(root.section("optimizer_D"), train, "lr_D");
  return [own](const Recipe& r, torch::Device device, const Ranks& ranks) {
    return std::make_unique<Adversarial>(r, own, device, ranks);
  };
}

}  // namespace esrgan::train
