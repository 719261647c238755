#include <esrgan/error.h>

#include <cmath>
#include <utility>

#include "model/architecture.h"
#include "model/names.h"

namespace esrgan {
namespace {

/// Works out one architecture from canonical tensors, noting why.
class Detector {
 public:
  explicit Detector(const StateDict& weights, std::vector<std::string>& reasons)
      : weights_(weights), reasons_(reasons) {}

  Architecture detect() {
    if (weights_.contains("body.0.rdb1.conv1.weight")) return rrdbnet();
    if (weights_.contains("body.0.conv1.weight") && weights_.contains("upconv1.weight")) return msrresnet();
    if (weights_.contains("body.0.conv1.weight") && weights_.contains("act_first.weight")) return srresnet();
    if (weights_.contains("body.0.weight") && !weights_.contains("conv_first.weight")) return compact();
    const std::string first =
        weights_.tensors.empty() ? "no tensors" : "'" + weights_.tensors.begin()->first + "'";
    throw Error(weights_.file, "the weights belong to no network that is known",
                "RRDBNet, SRVGGNetCompact, MSRResNet or SRResNet", "tensors such as " + first);
  }

 private:
  void because(const std::string& reason) { reasons_.push_back(reason); }

  int extent(const std::string& tensor, size_t dimension) const {
    const Tensor& found = weights_.at(tensor);
    if (found.shape.size() != 4 || found.shape[dimension] <= 0 || found.shape[dimension] > 65536)
      throw Error(weights_.file, "shape of tensor '" + tensor + "'", "a convolution's four dimensions",
                  found.shape_text());
    return static_cast<int>(found.shape[dimension]);
  }
  int out_channels(const std::string& layer) const { return extent(layer + ".weight", 0); }
  int in_channels(const std::string& layer) const { return extent(layer + ".weight", 1); }

  /// How many of prefix0suffix, prefix1suffix, ... there are, counted from `first`.
  int count(const std::string& prefix, const std::string& suffix, int first = 0) const {
    int found = 0;
    const auto name = [&] {
      return std::string(prefix).append(std::to_string(first + found)).append(suffix);
    };
    while (weights_.contains(name())) ++found;
    return found;
  }

  Architecture rrdbnet() {
    Architecture a;
    a.family = Family::rrdbnet;
    a.blocks = count("body.", ".rdb1.conv1.weight");
    a.features = out_channels("conv_first");
    a.growth = out_channels("body.0.rdb1.conv1");
    a.out_channels = out_channels("conv_last");
    a.upsamplings = count("conv_up", ".weight", 1);
    a.conv1x1 = weights_.contains("body.0.rdb1.conv1x1.weight");
    a.learned_residual_scale = weights_.contains("body.0.residual_scale");
    a.upsampler = upsampler(a.upsamplings);
    because("residual dense blocks body.N.rdbK: RRDBNet with " + std::to_string(a.blocks) + " blocks");
    if (a.conv1x1) because("tensors conv1x1: ESRGAN+");
    const int folded = in_channels("conv_first");
    if (folded == 4 * a.out_channels || folded == 16 * a.out_channels)
      a.unshuffle = folded == 4 * a.out_channels ? 2 : 4;
    a.in_channels = folded / (a.unshuffle * a.unshuffle);
    const int enlargement = 1 << a.upsamplings;
    if (a.upsamplings > 5 || enlargement % a.unshuffle != 0)
      throw Error(weights_.file, "upsampling layers of the network", "1 to 5, as many as the input is folded",
                  std::to_string(a.upsamplings));
    a.scale = enlargement / a.unshuffle;
    because(std::to_string(a.upsamplings) + " upsampling layers: the grid grows " +
            std::to_string(enlargement) + " times");
    if (a.unshuffle > 1)
      because("the first layer takes " + std::to_string(folded) + " channels for an image of " +
              std::to_string(a.in_channels) + ": pixel-unshuffle by " + std::to_string(a.unshuffle));
    return a;
  }

  Upsampler upsampler(int steps) {
    if (steps == 0) return Upsampler::nearest;
    const std::string up = "conv_up1.weight";
    if (extent(up, 2) == 4) {
      because("4x4 kernels of conv_up1: transposed convolutions");
      return Upsampler::transposed;
    }
    const int taken = in_channels(steps > 1 ? "conv_up2" : "conv_hr");
    if (extent(up, 0) != 4 * taken) return Upsampler::nearest;
    because("conv_up1 has four times the channels that the next layer takes: pixel-shuffle");
    return Upsampler::pixel_shuffle;
  }

  Architecture compact() {
    Architecture a;
    a.family = Family::compact;
    int last = 0;
    for (const auto& [name, tensor] : weights_.tensors) {
      int index = 0, used = 0;
      if (std::sscanf(name.c_str(), "body.%6d.weight%n", &index, &used) == 1 && used > 0)
        last = std::max(last, index);
    }
    if (last < 2 || last % 2 != 0)
      throw Error(weights_.file, "layers of the compact network", "body.0, body.2, ...",
                  "the last is body." + std::to_string(last));
    a.blocks = (last - 2) / 2;
    a.features = out_channels("body.0");
    a.in_channels = in_channels("body.0");
    a.upsamplings = 1;
    const int shuffled = out_channels("body." + std::to_string(last));
    a.out_channels = a.in_channels;
    a.scale = static_cast<int>(std::lround(std::sqrt(shuffled / a.out_channels)));
    if (a.scale < 1 || a.scale * a.scale * a.out_channels != shuffled)
      throw Error(weights_.file, "output channels of the last layer",
                  "a square number for each image channel", std::to_string(shuffled));
    because("a plain chain body.0, body.2, ... body." + std::to_string(last) + ": SRVGGNetCompact");
    because(std::to_string(shuffled) + " channels are shuffled to " + std::to_string(a.out_channels) +
            ": scale " + std::to_string(a.scale));
    if (!weights_.contains("body.1.weight")) {
      const auto given = weights_.metadata.find("esrgan.activation");
      if (given != weights_.metadata.end() && given->second == "leakyrelu") a.compact_slope = 0.1F;
      because(a.compact_slope > 0 ? "metadata: LeakyReLU 0.1" : "no PReLU tensors: ReLU is assumed");
    }
    return a;
  }

  Architecture msrresnet() {
    return residual_network(Family::msrresnet, "upconv", "conv_hr",
                            "residual blocks body.N.conv1, conv2 and upconv: MSRResNet");
  }

  Architecture srresnet() {
    return residual_network(Family::srresnet, "conv_up", "conv_last",
                            "residual blocks with PReLU: the SRGAN paper's SRResNet");
  }

  /// Residual blocks, then pixel-shuffle steps `up`1, `up`2, ... and the layer `after`.
  Architecture residual_network(Family family, const std::string& up, const std::string& after,
                                const std::string& reason) {
    Architecture a;
    a.family = family;
    a.blocks = count("body.", ".conv1.weight");
    a.features = out_channels("conv_first");
    a.in_channels = in_channels("conv_first");
    a.out_channels = out_channels("conv_last");
    a.upsamplings = count(up, ".weight", 1);
    a.scale = 1;
    for (int i = 1; i <= a.upsamplings; ++i) a.scale *= shuffle_factor(up, i, a.upsamplings, after);
    because(reason + " with " + std::to_string(a.blocks) + " blocks");
    because(std::to_string(a.upsamplings) + " pixel-shuffle layers: scale " + std::to_string(a.scale));
    return a;
  }

  /// Of upsampling step `step`: its channels divided by those that the layer after it takes.
  int shuffle_factor(const std::string& prefix, int step, int steps, const std::string& after) const {
    const std::string layer = prefix + std::to_string(step);
    const int shuffled = out_channels(layer);
    const int taken = in_channels(step < steps ? prefix + std::to_string(step + 1) : after);
    const int factor = static_cast<int>(std::lround(std::sqrt(shuffled / taken)));
    if (factor < 1 || factor * factor * taken != shuffled)
      throw Error(weights_.file, "output channels of " + layer,
                  "a square number times " + std::to_string(taken), std::to_string(shuffled));
    return factor;
  }

  const StateDict& weights_;
  std::vector<std::string>& reasons_;
};

}  // namespace

Model detect_model(StateDict weights) {
  Model model;
  model.reasons = weights.remarks;
  for (std::string& remark : strip_prefixes(weights)) model.reasons.push_back(std::move(remark));
  const Naming naming = rename_to_canonical(weights);
  if (naming != Naming::unknown) model.reasons.push_back(std::string("tensor names: ") + name_of(naming));
  model.architecture = Detector(weights, model.reasons).detect();
  model.weights = std::move(weights);
  return model;
}

}  // namespace esrgan
