#include "train/networks/generator.h"

#include <esrgan/error.h>

#include <cmath>
#include <string_view>

#include "model/family.h"
#include "train/networks/generators/generators.h"

namespace esrgan::train {
namespace {

/// A network of a file of its own is a line here.
constexpr struct {
  std::string_view family;
  std::shared_ptr<Network> (*make)(const Architecture&);
} generators[] = {
    {"RRDBNet", make_rrdbnet},     {"SRVGGNetCompact", make_compact},
    {"MSRResNet", make_msrresnet}, {"SRResNet", make_srresnet},
    {"SPAN", make_span},
};

}  // namespace

int step_factor(const Architecture& a) {
  return static_cast<int>(std::lround(std::pow(a.scale, 1.0 / std::max(1, a.upsamplings))));
}

std::shared_ptr<Network> make_generator(const Architecture& architecture) {
  for (const auto& generator : generators)
    if (generator.family == architecture.family->name) return generator.make(architecture);
  throw Error(ErrorKind::bad_data, "", "network to train", "one that a recipe can ask for",
              architecture.summary());
}

}  // namespace esrgan::train
