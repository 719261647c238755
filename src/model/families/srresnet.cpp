// SRResNet of the SRGAN paper (Ledig et al. 2017, arXiv:1609.04802), with batch normalisation.
#include "model/families/families.h"
#include "model/families/residual_network.h"

namespace esrgan {
namespace {

bool has_prelu(const Contents& contents) {
  return contents.has("act_first.weight");
}

std::optional<std::string> rename_upsampling_of_lornatang(std::string_view name) {
  constexpr std::string_view prefix = "upsampling.";
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  const auto step = take_number(name);
  if (!step) return std::nullopt;
  const std::string number = std::to_string(*step + 1);
  return rename({{".upsample_block.0.*", "conv_up" + number + ".$1"},
                 {".upsample_block.2.weight", "act_up" + number + ".weight"}},
                name);
}

/// https://github.com/Lornatang/SRGAN-PyTorch
Renamer lornatang(const StateDict&) {
  return [](std::string_view name) {
    if (auto renamed = rename_upsampling_of_lornatang(name)) return renamed;
    return rename({{"conv1.0.*", "conv_first.$1"},
                   {"conv1.1.weight", "act_first.weight"},
                   {"trunk.#.rcb.0.*", "body.$1.conv1.$2"},
                   {"trunk.#.rcb.1.*", "body.$1.bn1.$2"},
                   {"trunk.#.rcb.2.weight", "body.$1.act.weight"},
                   {"trunk.#.rcb.3.*", "body.$1.conv2.$2"},
                   {"trunk.#.rcb.4.*", "body.$1.bn2.$2"},
                   {"conv2.0.*", "conv_body.$1"},
                   {"conv2.1.*", "bn_body.$1"},
                   {"conv3.*", "conv_last.$1"}},
                  name);
  };
}

/// https://github.com/leftthomas/SRGAN: block1 the first convolution, block2..blockN residual, blockN+1
/// convolution and normalisation, blockN+2 the tail.
std::optional<std::string> rename_tail_of_leftthomas(std::string_view name) {
  const auto step = take_number(name);
  if (!step) return std::nullopt;
  const std::string number = std::to_string(*step + 1);
  return rename({{".conv.*", "conv_up" + number + ".$1"},
                 {".prelu.weight", "act_up" + number + ".weight"},
                 {".*", "conv_last.$1"}},
                name);
}

Renamer leftthomas(const StateDict& weights) {
  constexpr std::string_view prefix = "block";
  const int last = highest_index(weights, prefix);
  return [=](std::string_view name) -> std::optional<std::string> {
    if (!name.starts_with(prefix)) return std::nullopt;
    name.remove_prefix(prefix.size());
    const auto block = take_number(name);
    if (!block || name.empty()) return std::nullopt;
    name.remove_prefix(1);  // the dot
    if (*block == 1) return rename({{"0.*", "conv_first.$1"}, {"1.weight", "act_first.weight"}}, name);
    if (*block == last) return rename_tail_of_leftthomas(name);
    if (*block == last - 1) return rename({{"0.*", "conv_body.$1"}, {"1.*", "bn_body.$1"}}, name);
    const std::string body = "body." + std::to_string(*block - 2);
    return rename({{"conv#.*", body + ".conv$1.$2"},
                   {"bn#.*", body + ".bn$1.$2"},
                   {"prelu.weight", body + ".act.weight"}},
                  name);
  };
}

constexpr Naming namings[] = {{"canonical", "body.0.conv1.weight", has_prelu, nullptr},
                              {"trunk.N.rcb (SRGAN-PyTorch)", "trunk.0.rcb.0.weight", nullptr, lornatang},
                              {"blockN (leftthomas/SRGAN)", "block2.conv1.weight", nullptr, leftthomas}};

void detect(Evidence& evidence, Architecture& architecture) {
  detect_residual_network(evidence, architecture, "conv_up", "conv_last",
                          "residual blocks with PReLU: the SRGAN paper's SRResNet");
}

/// A network whose normalisation was folded into its convolutions, as exporters do, has none.
void normalise(GraphBuilder& builder, Convolution& convolution, const std::string& name) {
  if (builder.has(name + ".weight")) builder.fold_batch_norm(convolution, name);
}

MapId build(GraphBuilder& builder, const Architecture& architecture) {
  const MapId input = builder.input(architecture.in_channels);
  builder.begin_stage();
  Convolution conv_first = builder.convolution("conv_first", input);
  builder.activate_prelu(conv_first, "act_first");
  const MapId first = builder.add(std::move(conv_first));
  MapId x = first;
  for (int n = 0; n < architecture.blocks; ++n) {
    builder.begin_stage();
    const std::string block = "body." + std::to_string(n);
    Convolution conv = builder.convolution(block + ".conv1", x);
    normalise(builder, conv, block + ".bn1");
    builder.activate_prelu(conv, block + ".act");
    Convolution second = builder.convolution(block + ".conv2", builder.add(std::move(conv)));
    normalise(builder, second, block + ".bn2");
    second.residuals = {{x, 1}};
    x = builder.add(std::move(second));
  }
  builder.begin_stage();
  Convolution body = builder.convolution("conv_body", x);
  normalise(builder, body, "bn_body");
  body.residuals = {{first, 1}};
  x = upsample_by_shuffle(builder, builder.add(std::move(body)), architecture, "conv_up", "conv_last",
                          [&](Convolution& conv, int step, int factor) {
                            builder.activate_prelu(conv, "act_up" + std::to_string(step), factor * factor);
                          });
  return builder.add(builder.convolution("conv_last", x));
}

}  // namespace

const Family srresnet{
    "SRResNet", {}, "blocks", namings, detect, build, false, nullptr, configure_residual_network};

}  // namespace esrgan
