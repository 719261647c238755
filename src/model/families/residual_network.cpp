#include "model/families/residual_network.h"

#include <esrgan/error.h>

#include "base/limits.h"

namespace esrgan {

void detect_residual_network(Evidence& evidence, Architecture& a, const std::string& up,
                             const std::string& after, const std::string& reason) {
  a.blocks = evidence.count("body.", ".conv1.weight");
  a.features = evidence.out_channels("conv_first");
  a.in_channels = evidence.in_channels("conv_first");
  a.out_channels = evidence.out_channels("conv_last");
  a.upsamplings = evidence.count(up, ".weight", 1);
  a.scale = 1;
  for (int i = 1; i <= a.upsamplings; ++i) {
    const std::string next = i < a.upsamplings ? up + std::to_string(i + 1) : after;
    a.scale *= evidence.shuffle_factor(up + std::to_string(i), evidence.in_channels(next));
    if (a.scale > limits::scale)
      throw Error(ErrorKind::bad_data, evidence.weights().file, "enlargement by the network's pixel-shuffles",
                  "at most " + std::to_string(limits::scale) + " times", std::to_string(a.scale) + " times");
  }
  evidence.because(reason + " with " + std::to_string(a.blocks) + " blocks");
  evidence.because(std::to_string(a.upsamplings) + " pixel-shuffle layers: scale " + std::to_string(a.scale));
}

void configure_residual_network(NetworkWishes& wishes, Architecture& a) {
  a.blocks = wishes.at_least("nb", 1, 16);
  a.upsamplings = a.scale == 3 ? 1 : doublings_of(a.scale);
}

}  // namespace esrgan
