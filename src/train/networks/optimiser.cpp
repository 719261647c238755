#include "train/networks/optimiser.h"

#include "train/networks/optimisers/optimisers.h"

namespace esrgan::train {
namespace {

/// An optimiser of a file of its own is a line here.
constexpr OptimiserKind optimisers[] = {{"Adam", make_adam},
                                        {"AdamW", make_adamw},
                                        {"AdamWScheduleFree", make_schedule_free, true},
                                        {"Muon", make_muon}};

}  // namespace

OptimiserRecipe read_optimiser(Settings settings, Settings& train, const std::string& rate_in_train) {
  OptimiserRecipe o;
  o.kind = &settings.choose_row("type", optimisers, optimisers[0]);
  const double rate = train.get(rate_in_train, o.rate);
  o.rate = settings.get("lr", rate);
  if (train.has(rate_in_train) && o.rate != rate)
    train.remark(rate_in_train, "has no effect beside the optimizer's own lr");
  if (!(o.rate > 0)) settings.refuse("lr", "a positive number");
  const auto betas = settings.get("betas", std::vector<double>{o.beta1, o.beta2});
  if (betas.size() != 2) settings.refuse("betas", "two numbers");
  for (const double beta : betas)
    if (!(beta >= 0 && beta < 1)) settings.refuse("betas", "numbers from 0 to below 1");
  if (o.kind->needs_beta1 && betas[0] == 0) settings.refuse("betas", "a first number above 0");
  o.beta1 = betas[0];
  o.beta2 = betas[1];
  o.weight_decay = settings.at_least("weight_decay", 0.0, 0.0);
  return o;
}

std::unique_ptr<Optimiser> make_optimiser(const OptimiserRecipe& recipe, const FlatParameters& parameters) {
  return recipe.kind->make(recipe, parameters);
}

}  // namespace esrgan::train
