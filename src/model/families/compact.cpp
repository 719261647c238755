// SRVGGNetCompact: Real-ESRGAN's small networks (animevideov3, general-x4v3).
#include <esrgan/error.h>

#include <algorithm>

#include "model/families/families.h"
#include "model/families/ncnn_layers.h"

namespace esrgan {
namespace {

/// Without PReLU tensors: 0 is ReLU, 0.1 LeakyReLU.
struct CompactDetails : FamilyDetails {
  float slope = 0;
  std::string summary() const override { return slope > 0 ? ", LeakyReLU" : ", ReLU"; }
};

constexpr std::string_view body = "body.";

/// N of body.N.weight and body.N.bias.
std::optional<int> layer_index(std::string_view name) {
  if (!name.starts_with(body)) return std::nullopt;
  name.remove_prefix(body.size());
  const auto index = take_number(name);
  return name == ".weight" || name == ".bias" ? index : std::nullopt;
}

bool is_plain_chain(const Contents& contents) {
  return (contents.has("body.1.weight") || contents.has("body.2.weight")) &&
         !contents.has("conv_first.weight") &&
         std::all_of(contents.names().begin(), contents.names().end(),
                     [](std::string_view name) { return !name.starts_with(body) || layer_index(name); });
}

bool is_ncnn(const Contents& contents) {
  const LayerCounts counts(contents.layers());
  return counts.of("PixelShuffle") > 0 && counts.of("Concat") == 0 && counts.of("Interp") == 1 &&
         counts.last == "BinaryOp";
}

Renamer ncnn(const StateDict& weights) {
  check_ncnn_layers(weights, {{0}, {}},
                    {"Convolution", "PReLU", "Split", "BinaryOp", "Interp", "PixelShuffle"});
  return ncnn_renamer(weights, [i = 0]() mutable { return "body." + std::to_string(i++); });
}

constexpr Naming namings[] = {{"canonical", "body.0.weight", is_plain_chain, nullptr},
                              {"the order of ncnn's layers", "", is_ncnn, ncnn}};

void detect(Evidence& evidence, Architecture& a) {
  const std::string& file = evidence.weights().file;
  int last = 0;
  for (const auto& [name, tensor] : evidence.weights().tensors)
    if (const auto index = layer_index(name)) last = std::max(last, *index);
  if (last < 2 || last % 2 != 0)
    throw Error(ErrorKind::bad_data, file, "layers of the compact network", "body.0, body.2, ...",
                "the last is body." + std::to_string(last));
  a.blocks = (last - 2) / 2;
  a.features = evidence.out_channels("body.0");
  a.in_channels = a.out_channels = evidence.in_channels("body.0");
  a.upsamplings = 1;
  const std::string last_layer = "body." + std::to_string(last);
  a.scale = evidence.shuffle_factor(last_layer, a.out_channels);
  evidence.because("a plain chain body.0, body.2, ... " + last_layer + ": SRVGGNetCompact");
  evidence.because(std::to_string(evidence.out_channels(last_layer)) + " channels are shuffled to " +
                   std::to_string(a.out_channels) + ": scale " + std::to_string(a.scale));
  if (evidence.has("body.1.weight")) return;
  CompactDetails details;
  const auto& metadata = evidence.weights().metadata;
  const auto given = metadata.find("esrgan.activation");
  if (given != metadata.end() && given->second == "leakyrelu") details.slope = 0.1F;
  evidence.because(details.slope > 0 ? "metadata: LeakyReLU 0.1" : "no PReLU tensors: ReLU is assumed");
  a.details = std::make_shared<CompactDetails>(details);
}

MapId build(GraphBuilder& builder, const Architecture& a) {
  MapId x = builder.input(a.in_channels);
  builder.begin_stage();  // one: a map between stages would be held as a whole
  for (int i = 0; i <= a.blocks; ++i) {
    Convolution conv = builder.convolution("body." + std::to_string(2 * i), x);
    const std::string activation = "body." + std::to_string(2 * i + 1);
    if (builder.has(activation + ".weight"))
      builder.activate_prelu(conv, activation);
    else if (a.details)
      GraphBuilder::activate(conv, static_cast<const CompactDetails&>(*a.details).slope);
    else
      throw Error(ErrorKind::bad_data, builder.shapes().weights().file,
                  "the tensor '" + activation + ".weight' is missing");
    x = builder.add(std::move(conv));
  }
  x = builder.add(builder.convolution("body." + std::to_string(2 * a.blocks + 2), x));
  return builder.add_upsampled_input(builder.pixel_shuffle(x, a.scale), Upsampling::nearest);
}

void configure(NetworkWishes& wishes, Architecture& a) {
  a.blocks = wishes.at_least("num_conv", 1, 16);
  a.upsamplings = 1;
}

}  // namespace

constexpr const char* other_names[] = {"Compact", "SRVGGNet"};

const Family compact{"SRVGGNetCompact", other_names, "convolutions", namings, detect, build, true,
                     nullptr,           configure};

}  // namespace esrgan
