#include "train/losses/loss.h"

#include <array>
#include <set>

#include "train/losses/kinds.h"

namespace esrgan::train {
namespace {

#define ESRGAN_LOSS_ROW(type, name, read, discriminator, running_mean) \
  LossKind{type, name, read, discriminator, running_mean},
constexpr std::array kinds{ESRGAN_LOSS_KINDS(ESRGAN_LOSS_ROW)};
#undef ESRGAN_LOSS_ROW

constexpr const char* gan_type = "gan";

/// Whether the list has the discriminator's loss, too.
bool read_list(Settings& train, LossRecipe& recipe) {
  std::vector<std::string> types{gan_type};
  for (const LossKind& kind : kinds) types.emplace_back(kind.type);
  bool has_gan = false;
  for (Settings& settings : train.sections("losses")) {
    const std::string type = settings.choose("type", types, "l1");
    if (type == gan_type) {
      recipe.gan = read_gan(settings, "weight");
      has_gan = true;
      continue;
    }
    LossTerm term;
    term.kind = find_loss(type);
    term.weight = settings.at_least("weight", 0.0, 1.0);
    term.make = term.kind->read(settings);
    if (term.weight > 0) recipe.terms.push_back(std::move(term));
  }
  return has_gan;
}

/// The mission's spelling.
std::vector<LossTerm> read_keys(Settings& train, bool adversarial) {
  std::vector<LossTerm> terms;
  const double pixel = train.at_least("pixel_weight", 0.0, adversarial ? 1e-2 : 1.0);
  const LossKind* criterion = find_loss(train.choose("pixel_criterion", {"l1", "l2", "charbonnier"}, "l1"));
  if (pixel > 0) terms.push_back({criterion, pixel, criterion->read(train)});
  const double feature = train.at_least("feature_weight", 0.0, adversarial ? 1.0 : 0.0);
  if (feature > 0) {
    const Distance distance = read_distance(train, "feature_criterion");
    Settings section = train.section("feature");
    terms.push_back({find_loss("vgg"), feature, perceptual(section, distance)});
  } else {
    train.ignore({"feature_criterion", "feature"}, "while feature_weight is 0");
  }
  const double variation = train.at_least("tv_weight", 0.0, 0.0);
  if (variation > 0) terms.push_back({find_loss("tv"), variation, find_loss("tv")->read(train)});
  return terms;
}

}  // namespace

std::span<const LossKind> loss_kinds() {
  return kinds;
}

const LossKind* find_loss(const std::string& type) {
  for (const LossKind& kind : kinds)
    if (type == kind.type) return &kind;
  return nullptr;
}

LossRecipe read_losses(Settings& train, bool adversarial, bool running_mean) {
  LossRecipe recipe;
  bool has_gan = false;
  if (train.has("losses")) {
    train.ignore(
        {"pixel_weight", "pixel_criterion", "feature_weight", "feature_criterion", "feature", "tv_weight"},
        "beside losses");
    has_gan = read_list(train, recipe);
  } else {
    recipe.terms = read_keys(train, adversarial);
  }
  const std::vector<std::string> gan_keys{"gan_weight", "gan_type", "gp_weight"};
  if (!adversarial)
    train.ignore(gan_keys, "without network_D");
  else if (has_gan)
    train.ignore(gan_keys, "beside losses");
  else
    recipe.gan = read_gan(train, "gan_weight");
  if (has_gan && !adversarial) train.refuse("losses", "a network_D beside the loss gan");
  std::set<std::string> names;
  for (const LossTerm& term : recipe.terms) {
    const std::string type = term.kind->type;
    if (term.kind->needs_discriminator && !adversarial)
      train.refuse("losses", "a network_D beside the loss " + type);
    if (term.kind->needs_running_mean && !running_mean)
      train.refuse("losses", "ema above 0 beside the loss " + type);
    if (!names.insert(term.kind->name).second)
      train.refuse("losses", std::string("one loss only of the name g_") + term.kind->name);
  }
  return recipe;
}

torch::Tensor precise(const torch::Tensor& values) {
  return values.scalar_type() == torch::kDouble ? values : values.to(torch::kFloat);
}

}  // namespace esrgan::train
