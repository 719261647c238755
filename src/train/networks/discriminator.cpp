#include "train/networks/discriminator.h"

#include "train/networks/discriminators/discriminators.h"

namespace esrgan::train {
namespace {

/// A discriminator of a file of its own is a line here.
constexpr struct {
  const char* name;
  MakeNetwork (*read)(Settings& settings, const std::string& name, int hr_size);
} discriminators[] = {
    {"discriminator_vgg_128", read_vgg_discriminator}, {"discriminator_vgg_192", read_vgg_discriminator},
    {"discriminator_vgg_256", read_vgg_discriminator}, {"discriminator_unet", read_unet_discriminator},
    {"discriminator_srgan", read_srgan_discriminator}, {"discriminator_patch", read_patch_discriminator},
};

}  // namespace

std::vector<std::string> discriminator_names() {
  std::vector<std::string> names;
  for (const auto& known : discriminators) names.emplace_back(known.name);
  return names;
}

MakeNetwork read_discriminator(Settings net, int hr_size) {
  const std::vector<std::string> names = discriminator_names();
  const std::string name = net.choose("which_model_D", names, names.front());
  if (net.at_least("in_nc", 1, colours) != colours) net.refuse("in_nc", "3: patches are RGB");
  for (const auto& known : discriminators)
    if (name == known.name) return known.read(net, name, hr_size);
  net.refuse_word("which_model_D", names);
}

}  // namespace esrgan::train
