// What the two forms of SRResNet share: residual blocks, then convolutions with pixel-shuffles.
#pragma once

#include <string>
#include <utility>

#include "model/family.h"

namespace esrgan {

/// Residual blocks body.N, then pixel-shuffle steps `up`1, `up`2, ... and the layer `after`.
void detect_residual_network(Evidence& evidence, Architecture& architecture, const std::string& up,
                             const std::string& after, const std::string& reason);

void configure_residual_network(NetworkWishes& wishes, Architecture& architecture);

/// Convolution, activation (it commutes with the shuffle), pixel-shuffle; as often as the network has it.
/// activate(convolution, step from 1, factor of the shuffle).
template <typename Activate>
MapId upsample_by_shuffle(GraphBuilder& builder, MapId x, const Architecture& architecture,
                          const std::string& up, const std::string& after, const Activate& activate) {
  const int steps = architecture.upsamplings;
  for (int i = 1; i <= steps; ++i) {
    const std::string layer = up + std::to_string(i);
    const int factor = builder.shapes().shuffle_factor(
        layer, builder.shapes().in_channels(i < steps ? up + std::to_string(i + 1) : after));
    Convolution conv = builder.convolution(layer, x);
    activate(conv, i, factor);
    x = builder.pixel_shuffle(builder.add(std::move(conv)), factor);
  }
  return x;
}

}  // namespace esrgan
