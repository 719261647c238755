// MSRResNet: BasicSR's SRResNet without batch normalisation.
#include "model/families/families.h"
#include "model/families/residual_network.h"

namespace esrgan {
namespace {

constexpr float slope = 0.1F;

bool has_upsampling(const Contents& contents) {
  return contents.has("upconv1.weight");
}

constexpr Naming namings[] = {{"canonical", "body.0.conv1.weight", has_upsampling, nullptr}};

void detect(Evidence& evidence, Architecture& architecture) {
  detect_residual_network(evidence, architecture, "upconv", "conv_hr",
                          "residual blocks body.N.conv1, conv2 and upconv: MSRResNet");
}

MapId build(GraphBuilder& builder, const Architecture& architecture) {
  const MapId input = builder.input(architecture.in_channels);
  builder.begin_stage();
  Convolution first = builder.convolution("conv_first", input);
  GraphBuilder::activate(first, slope);
  MapId x = builder.add(std::move(first));
  for (int n = 0; n < architecture.blocks; ++n) {
    builder.begin_stage();
    const std::string block = "body." + std::to_string(n);
    Convolution conv = builder.convolution(block + ".conv1", x);
    GraphBuilder::activate(conv, 0);
    Convolution second = builder.convolution(block + ".conv2", builder.add(std::move(conv)));
    second.residuals = {{x, 1}};
    x = builder.add(std::move(second));
  }
  builder.begin_stage();
  x = upsample_by_shuffle(builder, x, architecture, "upconv", "conv_hr",
                          [](Convolution& conv, int, int) { GraphBuilder::activate(conv, slope); });
  Convolution hr = builder.convolution("conv_hr", x);
  GraphBuilder::activate(hr, slope);
  x = builder.add(builder.convolution("conv_last", builder.add(std::move(hr))));
  return builder.add_upsampled_input(x, Upsampling::bilinear);
}

}  // namespace

const Family msrresnet{
    "MSRResNet", {}, "blocks", namings, detect, build, false, nullptr, configure_residual_network};

}  // namespace esrgan
