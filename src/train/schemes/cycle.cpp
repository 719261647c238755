// Unpaired pictures: CycleGAN (Zhu et al. 2017, arXiv:1703.10593). G_HR enlarges; G_LR reduces by the
// published bicubic and then makes of it what the small pictures look like.
#include <esrgan/error.h>

#include <algorithm>
#include <array>

#include "train/data/random.h"
#include "train/losses/gan.h"
#include "train/networks/arithmetic.h"
#include "train/networks/bicubic.h"
#include "train/networks/convolution.h"
#include "train/networks/discriminator.h"
#include "train/networks/generator.h"
#include "train/networks/trace.h"
#include "train/schemes/fidelity.h"
#include "train/schemes/history_pool.h"
#include "train/schemes/kinds.h"

namespace esrgan::train {
namespace {

using torch::Tensor;

struct CycleRecipe {
  Architecture degrader;  ///< of the same size: after the reduction
  MakeNetwork discriminator_hr, discriminator_lr;
  OptimiserRecipe optimiser;  ///< of the discriminators
  double gan_hr = 1, gan_lr = 1, cycle = 10, identity = 5, colour = 0;
  int pool = 50;
};

/// A generator, the discriminator of what it makes, and what the latter has seen.
struct Side {
  TrainedNetwork generator, discriminator;
  HistoryPool pool;

  Side(const std::string& name, std::shared_ptr<Network> network, const MakeNetwork& opponent,
       const Recipe& recipe, const CycleRecipe& own, torch::Device device, const Ranks& ranks)
      : generator(name, std::move(network), generator_recipe(recipe), device, ranks),
        discriminator("discriminator_" + name, opponent(), learning_of(recipe, own.optimiser), device, ranks),
        pool(static_cast<size_t>(own.pool)) {}
};

class Cycle : public Scheme {
 public:
  Cycle(const Recipe& recipe, const CycleRecipe& own, torch::Device device, const Ranks& ranks)
      : recipe_(recipe),
        own_(own),
        device_(device),
        ranks_(ranks),
        enlarging_("generator", start_generator(recipe), own.discriminator_hr, recipe, own, device, ranks),
        degrading_("degrader", make_generator(own.degrader), own.discriminator_lr, recipe, own, device,
                   ranks) {}

  std::vector<std::string> loss_names() const override {
    std::vector<std::string> names{"g_total", "g_norm", "f_norm"};
    for (const Term& term : terms_) names.emplace_back(term.name);
    for (const char* name : {"d_hr", "d_hr_norm", "d_lr", "d_lr_norm"}) names.emplace_back(name);
    return names;
  }
  std::vector<TrainedNetwork*> networks() override {
    return {&enlarging_.generator, &degrading_.generator, &enlarging_.discriminator,
            &degrading_.discriminator};
  }
  StateDict result() override { return enlarging_.generator.result(); }
  std::map<std::string, StateDict> companions() override {
    return {{"degrader", degrading_.generator.result()}};
  }
  bool is_faithful() const override { return false; }
  void save(Checkpoint& checkpoint) const override {
    checkpoint.groups["pool_hr"] = enlarging_.pool.state();
    checkpoint.groups["pool_lr"] = degrading_.pool.state();
  }
  void load(const Checkpoint& checkpoint) override {
    const auto restore = [&](const char* name, HistoryPool& pool) {
      const auto found = checkpoint.groups.find(name);
      pool.restore(found != checkpoint.groups.end() ? found->second : StateDict{});
    };
    restore("pool_hr", enlarging_.pool);
    restore("pool_lr", degrading_.pool);
  }

  std::map<std::string, double> step(const Batch& batch, int64_t step) override {
    times_ = {};
    losses_.clear();
    const Tensor small = pictures_of(batch, "lr", recipe_, device_),
                 large = pictures_of(batch, "hr", recipe_, device_);
    for (TrainedNetwork* network : networks()) network->train();
    const auto [fake_large, fake_small] = teach_generators(small, large, step);
    teach_discriminator(enlarging_, large, fake_large, "d_hr", step);
    teach_discriminator(degrading_, small, fake_small, "d_lr", step);
    return read_at_once(losses_);
  }

 private:
  struct Term {
    const char* name;
    double CycleRecipe::*weight;
  };
  static constexpr std::array<Term, 7> terms_{{{"g_gan_hr", &CycleRecipe::gan_hr},
                                               {"g_gan_lr", &CycleRecipe::gan_lr},
                                               {"g_cycle_hr", &CycleRecipe::cycle},
                                               {"g_cycle_lr", &CycleRecipe::cycle},
                                               {"g_identity_hr", &CycleRecipe::identity},
                                               {"g_identity_lr", &CycleRecipe::identity},
                                               {"g_colour", &CycleRecipe::colour}}};

  Tensor enlarged(const Tensor& small) { return enlarging_.generator.forward(small).to(torch::kFloat); }
  Tensor degraded(const Tensor& reduced) { return degrading_.generator.forward(reduced).to(torch::kFloat); }
  Tensor reduced(const Tensor& large) const { return resized_bicubic(large, 1.0 / recipe_.generator.scale); }

  /// What the discriminator of a side makes the generators aim at.
  static Tensor deceit(Side& side, const Tensor& fake) {
    return generator_loss(GanLoss::least_squares, side.discriminator.forward(fake).to(torch::kFloat), {});
  }

  /// How far the colours of areas are from what they were made of.
  static Tensor colour_loss(const Tensor& made, const Tensor& from) {
    const int64_t side = std::min<int64_t>({8, made.size(2), made.size(3)});
    const auto areas = [side](const Tensor& picture) { return torch::avg_pool2d(picture, side, side); };
    return torch::l1_loss(areas(made), areas(from));
  }

  /// Returns the pictures that were made: large and small.
  std::pair<Tensor, Tensor> teach_generators(const Tensor& small, const Tensor& large, int64_t step) {
    for (Side* side : {&enlarging_, &degrading_}) {
      side->discriminator.require_gradients(false);
      side->generator.zero_gradients();
    }
    Tensor fake_large, fake_small, total = torch::zeros({}, small.options());
    {
      const Span span("generators, forward", times_.forward);
      const AutocastGuard autocast(recipe_.arithmetic, device_);
      const KernelsGuard kernels(recipe_.arithmetic == Arithmetic::bfloat16);
      const Tensor plain = reduced(large);
      fake_large = enlarged(small);
      fake_small = degraded(plain);
      const Tensor fake_reduced = reduced(fake_large);
      const std::array<Tensor, terms_.size()> parts{
          deceit(enlarging_, fake_large),
          deceit(degrading_, fake_small),
          torch::l1_loss(enlarged(fake_small), large),
          torch::l1_loss(degraded(fake_reduced), small),
          torch::l1_loss(enlarged(plain), large),
          torch::l1_loss(degraded(reduced(resized_bicubic(small, recipe_.generator.scale))), small),
          colour_loss(fake_reduced, small) + colour_loss(fake_small, plain)};
      for (size_t i = 0; i < parts.size(); ++i) {
        losses_[terms_.at(i).name] = parts.at(i).detach().to(torch::kDouble);
        total = total + own_.*terms_.at(i).weight * parts.at(i);
      }
      losses_["g_total"] = total.detach().to(torch::kDouble);
    }
    {
      const Span span("generators, backward", times_.backward);
      TrainedNetwork::backward({&enlarging_.generator, &degrading_.generator}, total);
    }
    learn(enlarging_.generator, "g_norm", step);
    learn(degrading_.generator, "f_norm", step);
    for (Side* side : {&enlarging_, &degrading_}) side->generator.update_running_mean();
    return {fake_large.detach(), fake_small.detach()};
  }

  void teach_discriminator(Side& side, const Tensor& real, const Tensor& made, const std::string& name,
                           int64_t step) {
    Random random{recipe_.seed, 0x9001, static_cast<uint64_t>(step), static_cast<uint64_t>(name.back()),
                  static_cast<uint64_t>(ranks_.rank())};
    const Tensor fake = side.pool.exchange(made, random);
    side.discriminator.require_gradients(true);
    side.discriminator.zero_gradients();
    Tensor loss;
    {
      const Span span("discriminators, forward", times_.forward);
      const AutocastGuard autocast(recipe_.arithmetic, device_);
      const KernelsGuard kernels(recipe_.arithmetic == Arithmetic::bfloat16);
      loss = discriminator_loss(GanLoss::least_squares, side.discriminator.forward(fake).to(torch::kFloat),
                                side.discriminator.forward(real).to(torch::kFloat)) /
             2;
    }
    losses_[name] = loss.detach().to(torch::kDouble);
    const Span span("discriminators, backward", times_.backward);
    side.discriminator.backward(loss, true);
    learn(side.discriminator, name + "_norm", step);
  }

  void learn(TrainedNetwork& network, const std::string& norm_name, int64_t step) {
    const Span span(network.name() + ", optimiser", times_.optimiser);
    if (const auto norm = network.step(step)) losses_[norm_name] = norm->to(torch::kDouble);
  }

  Recipe recipe_;
  CycleRecipe own_;
  torch::Device device_;
  const Ranks& ranks_;
  Side enlarging_, degrading_;
  std::map<std::string, Tensor> losses_;  // of this step
};

}  // namespace

MakeScheme read_cycle(Settings& root, const Recipe& recipe) {
  CycleRecipe own;
  own.degrader = read_generator(root.section("network_F"), 1);
  Settings discriminator = root.section("network_D");
  own.discriminator_hr = read_discriminator(discriminator, recipe.data.hr_size);
  own.discriminator_lr = read_discriminator(discriminator, recipe.data.hr_size / recipe.generator.scale);
  Settings train = root.section("train");
  own.gan_hr = train.at_least("gan_weight", 0.0, own.gan_hr);
  own.gan_lr = train.at_least("gan_weight_lr", 0.0, own.gan_hr);
  own.cycle = train.at_least("cycle_weight", 0.0, own.cycle);
  own.identity = train.at_least("identity_weight", 0.0, own.identity);
  own.colour = train.at_least("colour_weight", 0.0, own.colour);
  own.pool = train.at_least("pool_size", 0, own.pool);
  train.ignore(
      {"pixel_weight", "pixel_criterion", "feature_weight", "feature_criterion", "feature", "gan_type"},
      "with scheme: cycle");
  own.optimiser = read_optimiser(root.section("optimizer_D"), train, "lr_D");
  if (recipe.accumulate > 1) train.refuse("accumulate", "1 with scheme: cycle");
  if (recipe.arithmetic == Arithmetic::half) train.refuse("precision", "full or bf16 with scheme: cycle");
  if (recipe.generator.frames > 1)
    root.refuse("network_G", "a network that sees one picture, with scheme: cycle");
  if (!recipe.data.is_unpaired) root.refuse("datasets", "train: {type: unpaired} with scheme: cycle");
  return [own](const Recipe& r, torch::Device device, const Ranks& ranks) {
    return std::make_unique<Cycle>(r, own, device, ranks);
  };
}

}  // namespace esrgan::train
