#include "train/schemes/scheme.h"

#include <esrgan/error.h>

#include "train/schemes/adversarial.h"
#include "train/schemes/fidelity.h"

namespace esrgan::train {

std::unique_ptr<Scheme> make_scheme(const Recipe& recipe, torch::Device device, const Ranks& ranks) {
  if (recipe.arithmetic == Arithmetic::half && device.is_cpu())
    throw Error(ErrorKind::unsupported, "", "train.precision", "full or bf16 on a processor",
                "fp16, which only GPUs compute in");
  torch::manual_seed(recipe.seed);
  if (recipe.adversarial()) return std::make_unique<Adversarial>(recipe, device, ranks);
  return std::make_unique<Fidelity>(recipe, device, ranks);
}

}  // namespace esrgan::train
