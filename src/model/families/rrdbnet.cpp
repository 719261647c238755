#include "model/families/rrdbnet.h"

#include <esrgan/error.h>

#include "model/families/families.h"
#include "model/families/ncnn_layers.h"
#include "model/families/time_head.h"

namespace esrgan {
namespace {

constexpr float slope = 0.2F;
constexpr float fixed_residual_scale = 0.2F;  // unless the weights hold a learned one
constexpr int convolutions_of_block = 15;

// ---- names ----

/// Original ESRGAN, BSRGAN, RealSR.
Renamer trunk(const StateDict&) {
  return [](std::string_view name) {
    return rename({{"conv_first.*", "conv_first.$1"},
                   {"RRDB_trunk.#.RDB#.*", "body.$1.rdb$2.$3"},
                   {"trunk_conv.*", "conv_body.$1"},
                   {"upconv#.*", "conv_up$1.$2"},
                   {"HRconv.*", "conv_hr.$1"},
                   {"conv_last.*", "conv_last.$1"}},
                  name);
  };
}

/// The first ESRGAN code wrote one nn.Sequential: 0 first, 1 the body with its residual, then for every
/// doubling a convolution (3, 6, 9 behind nearest neighbours; 2, 5, 8 before a pixel-shuffle), and at the end
/// two more with an activation between.
Renamer sequential(const StateDict& weights) {
  const int last = highest_index(weights, "model.");
  const std::string body_end = "model.1.sub." + std::to_string(highest_index(weights, "model.1.sub.")) + ".*";
  return [=](std::string_view name) -> std::optional<std::string> {
    if (auto renamed = rename({{"model.1.sub.#.RDB#.conv#.0.*", "body.$1.rdb$2.conv$3.$4"},
                               {"model.1.sub.#.RDB#.conv1x1.*", "body.$1.rdb$2.conv1x1.$3"},
                               {"model.0.*", "conv_first.$1"},
                               {body_end, "conv_body.$1"}},
                              name))
      return renamed;
    constexpr std::string_view prefix = "model.";
    if (!name.starts_with(prefix)) return std::nullopt;
    name.remove_prefix(prefix.size());
    const auto index = take_number(name);
    const std::string rest(name);
    if (!index) return std::nullopt;
    if (*index == last) return "conv_last" + rest;
    if (*index == last - 2) return "conv_hr" + rest;
    if (*index % 3 != 1 && *index < last - 2) return "conv_up" + std::to_string((*index + 1) / 3) + rest;
    return std::nullopt;
  };
}

bool is_ncnn(const Contents& contents) {
  const LayerCounts counts(contents.layers());
  return counts.of("Concat") > 0 && counts.of("PixelShuffle") == 0 && counts.last == "Convolution";
}

/// The place of a convolution, of which there are `count`, in a network with `upsamplings`.
std::string name_of_convolution(int i, int blocks, int upsamplings) {
  if (i == 0) return "conv_first";
  const int within = (i - 1) % convolutions_of_block, block = (i - 1) / convolutions_of_block;
  if (block < blocks)
    return "body." + std::to_string(block) + ".rdb" + std::to_string(within / 5 + 1) + ".conv" +
           std::to_string(within % 5 + 1);
  const int tail = i - convolutions_of_block * blocks - 1;
  if (tail == 0) return "conv_body";
  if (tail <= upsamplings) return "conv_up" + std::to_string(tail);
  return tail == upsamplings + 1 ? "conv_hr" : "conv_last";
}

Renamer ncnn(const StateDict& weights) {
  const LayerCounts counts(weights.layers);
  const int convolutions = counts.of("Convolution"), upsamplings = counts.of("Interp");
  const int inner = convolutions - 4 - upsamplings, blocks = inner / convolutions_of_block;
  if (inner <= 0 || inner % convolutions_of_block != 0)
    throw Error(ErrorKind::bad_data, weights.file, "convolutions of an RRDBNet",
                "15 for each block and " + std::to_string(4 + upsamplings), std::to_string(convolutions));
  const NcnnChecks checks{{0, slope}, {slope}};
  check_ncnn_layers(weights, checks,
                    {"Convolution", "Split", "Concat", "Eltwise", "BinaryOp", "Interp", "ReLU"});
  return ncnn_renamer(weights,
                      [=, i = 0]() mutable { return name_of_convolution(i++, blocks, upsamplings); });
}

constexpr Naming namings[] = {
    {"canonical", "body.0.rdb1.conv1.weight", nullptr, nullptr},
    {"RRDB_trunk (original ESRGAN, BSRGAN, RealSR)", "RRDB_trunk.0.RDB1.conv1.weight", nullptr, trunk},
    {"model.N (the first ESRGAN code)", "model.1.sub.0.RDB1.conv1.0.weight", nullptr, sequential},
    {"the order of ncnn's layers", "", is_ncnn, ncnn}};

// ---- detection ----

Upsampler find_upsampler(Evidence& evidence, int steps) {
  if (steps == 0) return Upsampler::nearest;
  if (evidence.extent("conv_up1.weight", 2) == 4) {
    evidence.because("4x4 kernels of conv_up1: transposed convolutions");
    return Upsampler::transposed;
  }
  const int taken = evidence.in_channels(steps > 1 ? "conv_up2" : "conv_hr");
  if (evidence.out_channels("conv_up1") != 4 * taken) return Upsampler::nearest;
  evidence.because("conv_up1 has four times the channels that the next layer takes: pixel-shuffle");
  return Upsampler::pixel_shuffle;
}

void find_folding(Evidence& evidence, Architecture& a) {
  const int folded = evidence.in_channels("conv_first");
  if (folded == 4 * a.out_channels || folded == 16 * a.out_channels)
    a.unshuffle = folded == 4 * a.out_channels ? 2 : 4;
  a.in_channels = folded / (a.unshuffle * a.unshuffle);
  if (a.unshuffle > 1)
    evidence.because("the first layer takes " + std::to_string(folded) + " channels for an image of " +
                     std::to_string(a.in_channels) + ": pixel-unshuffle by " + std::to_string(a.unshuffle));
}

void detect(Evidence& evidence, Architecture& a) {
  constexpr int most_upsamplings = 5;
  RrdbDetails details;
  a.blocks = evidence.count("body.", ".rdb1.conv1.weight");
  a.out_channels = evidence.out_channels("conv_last");
  a.upsamplings = evidence.count("conv_up", ".weight", 1);
  details.growth = evidence.out_channels("body.0.rdb1.conv1");
  details.conv1x1 = evidence.has("body.0.rdb1.conv1x1.weight");
  details.learned_residual_scale = evidence.has("body.0.residual_scale");
  details.upsampler = find_upsampler(evidence, a.upsamplings);
  evidence.because("residual dense blocks body.N.rdbK: RRDBNet with " + std::to_string(a.blocks) + " blocks");
  if (details.conv1x1) evidence.because("tensors conv1x1: ESRGAN+");
  if (!detect_time_head(evidence, a)) {
    a.features = evidence.out_channels("conv_first");
    find_folding(evidence, a);
  }
  const int upscaling = a.upsamplings > most_upsamplings ? 0 : 1 << a.upsamplings;
  if (upscaling == 0 || upscaling % a.unshuffle != 0)
    throw Error(ErrorKind::bad_data, evidence.weights().file, "upsampling layers of the network",
                "up to 5, as many as the input is folded", std::to_string(a.upsamplings));
  a.scale = upscaling / a.unshuffle;
  a.details = std::make_shared<RrdbDetails>(details);
  evidence.because(std::to_string(a.upsamplings) + " upsampling layers: the grid grows " +
                   std::to_string(upscaling) + " times");
}

// ---- graph ----

float scale_of(GraphBuilder& builder, const std::string& block) {
  const std::string name = block + ".residual_scale";
  return builder.has(name) ? builder.vector(name, 1)[0] : fixed_residual_scale;
}

MapId dense_block(GraphBuilder& builder, const std::string& name, bool conv1x1, MapId from, float scale,
                  std::vector<Residual> residuals) {
  std::vector<MapId> known{from};  // grows by each convolution's output
  for (int j = 1; j <= 4; ++j) {
    Convolution conv = builder.convolution(name + ".conv" + std::to_string(j), known);
    GraphBuilder::activate(conv, slope);
    if (conv1x1) {  // ESRGAN+: x2 += conv1x1(x), x4 += x2
      if (j == 2) conv.residuals = {{builder.add(builder.convolution(name + ".conv1x1", from)), 1}};
      if (j == 4) conv.residuals = {{known[2], 1}};
    }
    known.push_back(builder.add(std::move(conv)));
  }
  Convolution conv = builder.convolution(name + ".conv5", known);
  conv.scale = scale;
  conv.residuals = std::move(residuals);
  return builder.add(std::move(conv));
}

MapId residual_in_residual(GraphBuilder& builder, int n, bool conv1x1, MapId input) {
  const std::string block = "body." + std::to_string(n);
  const float outer = scale_of(builder, block);
  MapId x = input;
  for (int k = 1; k <= 3; ++k) {
    builder.begin_stage();
    const std::string name = block + ".rdb" + std::to_string(k);
    const float inner = scale_of(builder, name);
    // The last dense block carries the outer residual along: outer * (inner * conv5 + x) + input.
    if (k < 3)
      x = dense_block(builder, name, conv1x1, x, inner, {{x, 1}});
    else
      x = dense_block(builder, name, conv1x1, x, outer * inner, {{x, outer}, {input, 1}});
  }
  return x;
}

/// One doubling of the grid.
MapId upsample(GraphBuilder& builder, const std::string& name, Upsampler upsampler, MapId x) {
  Convolution up = upsampler == Upsampler::transposed ? builder.transposed_convolution(name, x)
                                                      : builder.convolution(name, x);
  if (up.kernel != 3)
    throw Error(ErrorKind::bad_data, builder.shapes().weights().file,
                "kernel of '" + up.name + "', which belongs to an enlargement", "3x3",
                std::to_string(up.kernel) + "x" + std::to_string(up.kernel));
  GraphBuilder::activate(up, slope);
  if (upsampler == Upsampler::nearest) up.upsample = 2;
  x = builder.add(std::move(up));
  return upsampler == Upsampler::nearest ? x : builder.pixel_shuffle(x, 2);
}

MapId first_map(GraphBuilder& builder, const Architecture& a) {
  if (a.frames > 1) return add_time_head(builder, a, builder.convolution_tensors("conv_first"));
  MapId x = builder.input(a.in_channels, a.unshuffle);
  builder.begin_stage();
  if (a.unshuffle > 1) x = builder.pixel_unshuffle(x, a.unshuffle);
  return builder.add(builder.convolution("conv_first", x));
}

MapId build(GraphBuilder& builder, const Architecture& a) {
  const RrdbDetails& details = rrdb_details(a);
  const MapId first = first_map(builder, a);
  MapId x = first;
  for (int n = 0; n < a.blocks; ++n) x = residual_in_residual(builder, n, details.conv1x1, x);
  builder.begin_stage();
  Convolution last_body = builder.convolution("conv_body", x);
  last_body.residuals = {{first, 1}};
  x = builder.add(std::move(last_body));
  builder.begin_stage();
  for (int i = 1; i <= a.upsamplings; ++i)
    x = upsample(builder, "conv_up" + std::to_string(i), details.upsampler, x);
  Convolution hr = builder.convolution("conv_hr", x);
  GraphBuilder::activate(hr, slope);
  return builder.add(builder.convolution("conv_last", builder.add(std::move(hr))));
}

// ---- recipes ----

void configure(NetworkWishes& wishes, Architecture& a) {
  RrdbDetails details;
  a.blocks = wishes.at_least("nb", 1, 23);
  details.growth = wishes.at_least("gc", 1, 32);
  details.learned_residual_scale = wishes.flag("learned_residual_scale", false);
  const std::string upsampler =
      wishes.choose("upsampling", {"nearest", "pixelshuffle", "transposed"}, "nearest");
  details.upsampler = upsampler == "nearest"        ? Upsampler::nearest
                      : upsampler == "pixelshuffle" ? Upsampler::pixel_shuffle
                                                    : Upsampler::transposed;
  configure_time_head(wishes, a);
  a.unshuffle = a.scale == 1   ? 4
                : a.scale == 2 ? std::stoi(wishes.choose("unshuffle", {"1", "2"}, a.frames > 1 ? "1" : "2"))
                               : 1;
  if (a.frames > 1 && a.unshuffle > 1)
    wishes.refuse("frames", "1 where the picture is folded (scale 1, unshuffle 2)");
  if (a.scale == 3)
    wishes.refuse("which_model_G", "a network other than RRDBNet, which enlarges 1, 2, 4 or 8 times");
  a.upsamplings = doublings_of(a.unshuffle * a.scale);
  a.details = std::make_shared<RrdbDetails>(details);
}

}  // namespace

std::string RrdbDetails::summary() const {
  std::string text = ", growth " + std::to_string(growth);
  if (upsampler == Upsampler::pixel_shuffle) text += ", pixel-shuffle";
  if (upsampler == Upsampler::transposed) text += ", transposed convolutions";
  if (learned_residual_scale) text += ", learned residual scale";
  if (conv1x1) text += ", conv1x1 (ESRGAN+)";
  return text;
}

const RrdbDetails& rrdb_details(const Architecture& architecture) {
  return static_cast<const RrdbDetails&>(*architecture.details);
}

constexpr const char* other_names[] = {"RRDB", "ESRGAN", "RRDB_net"};

const Family rrdbnet{"RRDBNet", other_names, "blocks", namings, detect, build, true, nullptr, configure};

}  // namespace esrgan
