#include "train/schemes/scheme.h"

#include <esrgan/error.h>
#include <torch/utils.h>

#include "train/schemes/kinds.h"

namespace esrgan::train {
namespace {

/// A scheme of a file of its own is a line here.
constexpr SchemeKind schemes[] = {{"fidelity", read_fidelity},
                                  {"adversarial", read_adversarial},
                                  {"cycle", read_cycle},
                                  {"tasks", read_tasks}};

}  // namespace

MakeScheme read_scheme(Settings& root, const Recipe& recipe) {
  const SchemeKind& usual = schemes[root.has("network_D") ? 1 : 0];
  return root.choose_row("scheme", schemes, usual).read(root, recipe);
}

std::unique_ptr<Scheme> make_scheme(const Recipe& recipe, torch::Device device, const Ranks& ranks) {
  if (recipe.arithmetic == Arithmetic::half && device.is_cpu())
    throw Error(ErrorKind::unsupported, "", "train.precision", "full or bf16 on a processor",
                "fp16, which only GPUs compute in");
  torch::manual_seed(recipe.seed);
  return recipe.scheme(recipe, device, ranks);
}

}  // namespace esrgan::train
