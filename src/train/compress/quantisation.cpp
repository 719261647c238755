#include "train/compress/quantisation.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace esrgan::train {
namespace {

using torch::Tensor;

constexpr int64_t bins = 2048;

/// How often values lay where.
struct Histogram {
  double low = 0, high = 0;
  std::vector<double> counts = std::vector<double>(bins);

  double width() const { return (high - low) / bins; }
  double middle(int64_t i) const { return low + (static_cast<double>(i) + 0.5) * width(); }
};

class Observer : public GraphNetwork {
 public:
  explicit Observer(const Model& model) : GraphNetwork(model) {}

  bool counts = false;  // after the ends are known
  struct Layer {
    Histogram taken, made;
  };
  std::map<std::string, Layer> found;

 protected:
  Tensor taken(const Convolution& conv, Tensor x) override {
    look_at(x, found[conv.name].taken);
    return x;
  }
  Tensor made(const Convolution& conv, Tensor x) override {
    look_at(x, found[conv.name].made);
    return x;
  }
  bool looks_at_results() const override { return true; }

 private:
  void look_at(const Tensor& x, Histogram& own) const {
    if (!counts) {  // zero is among them: it is what lies around the picture
      own.low = std::min(own.low, x.min().item<double>());
      own.high = std::max(own.high, x.max().item<double>());
    } else if (own.high > own.low) {
      const Tensor counted = torch::histc(x, bins, own.low, own.high).to(torch::kDouble).contiguous();
      for (int64_t i = 0; i < bins; ++i) own.counts[static_cast<size_t>(i)] += counted.data_ptr<double>()[i];
    }
  }
};

QuantisedRange range_of(double low, double high) {
  return {static_cast<float>(std::min(low, 0.0)), static_cast<float>(std::max(high, 0.0))};
}

QuantisedRange by_percentile(const Histogram& seen) {
  constexpr double outside = 1e-4;
  double all = 0;
  for (const double count : seen.counts) all += count;
  int64_t first = 0, last = bins - 1;
  for (double sum = 0; first < last && (sum += seen.counts[static_cast<size_t>(first)]) < outside * all;)
    ++first;
  for (double sum = 0; first < last && (sum += seen.counts[static_cast<size_t>(last)]) < outside * all;)
    --last;
  return range_of(seen.low + static_cast<double>(first) * seen.width(),
                  seen.low + static_cast<double>(last + 1) * seen.width());
}

double squared_error(const Histogram& seen, const QuantisedRange& range) {
  const double step = static_cast<double>(range.step());
  double sum = 0;
  for (int64_t i = 0; i < bins; ++i) {
    const double value = seen.middle(i),
                 level = std::clamp(std::nearbyint(value / step) + range.zero(), 0.0, 255.0);
    sum += seen.counts[static_cast<size_t>(i)] * std::pow((level - range.zero()) * step - value, 2);
  }
  return sum;
}

/// Both ends are drawn in by the same share.
QuantisedRange by_squared_error(const Histogram& seen) {
  QuantisedRange best;
  double least = std::numeric_limits<double>::infinity();
  for (double share = 1; share > 0.2; share -= 0.02) {
    const QuantisedRange range = range_of(seen.low * share, seen.high * share);
    if (const double error = squared_error(seen, range); error < least) least = error, best = range;
  }
  return best;
}

QuantisedRange choose_range(const Histogram& seen, RangeChoice choice) {
  if (choice == RangeChoice::min_max) return range_of(seen.low, seen.high);
  return choice == RangeChoice::percentile ? by_percentile(seen) : by_squared_error(seen);
}

Tensor rounded(const Tensor& x, const QuantisedRange& range) {
  return torch::fake_quantize_per_tensor_affine(x, static_cast<double>(range.step()), range.zero(), 0, 255);
}

}  // namespace

QuantisedRanges calibrate(const Model& model, const CalibrationData& data, RangeChoice choice) {
  const torch::NoGradGuard no_gradients;
  Observer observer(model);
  for (const bool counts : {false, true}) {
    if (counts && choice == RangeChoice::min_max) break;
    observer.counts = counts;
    for_each_batch(data, model.architecture.scale,
                   [&](const Tensor& small, const Tensor&) { observer.forward(small); });
  }
  QuantisedRanges ranges;
  for (const auto& [name, seen] : observer.found)
    if (model.weights.has_layer(name))
      ranges[name] = {choose_range(seen.taken, choice), choose_range(seen.made, choice)};
  return ranges;
}

Tensor QuantisedNetwork::taken(const Convolution& conv, Tensor x) {
  const auto range = ranges_.find(conv.name);
  return range == ranges_.end() ? x : rounded(x, range->second.taken);
}

Tensor QuantisedNetwork::made(const Convolution& conv, Tensor x) {
  const auto range = ranges_.find(conv.name);
  return range == ranges_.end() ? x : rounded(x, range->second.made);
}

Tensor QuantisedNetwork::weights_of(const Convolution& conv, Tensor weights) {
  if (!ranges_.contains(conv.name)) return weights;
  Tensor scales = weights.abs().amax({1, 2, 3}) / weight_levels;
  scales = torch::where(scales > 0, scales, torch::ones_like(scales));
  return torch::fake_quantize_per_channel_affine(weights, scales, torch::zeros_like(scales), 0,
                                                 -weight_levels, weight_levels);
}

std::vector<LayerLoss> worst_layers(const Model& model, const QuantisedRanges& ranges,
                                    const CalibrationData& data) {
  const torch::NoGradGuard no_gradients;
  CalibrationData one = data;
  one.batches = 1;
  std::vector<LayerLoss> losses;
  for_each_batch(one, model.architecture.scale, [&](const Tensor& small, const Tensor&) {
    QuantisedNetwork network(model, {});
    const Tensor expected = network.forward(small);
    for (const auto& [name, range] : ranges) {
      network.use({{name, range}});
      const double error = (network.forward(small) - expected).square().mean().item<double>();
      losses.push_back({name, error > 0 ? -10 * std::log10(error) : std::numeric_limits<double>::infinity()});
    }
  });
  std::sort(losses.begin(), losses.end(),
            [](const LayerLoss& a, const LayerLoss& b) { return a.psnr < b.psnr; });
  return losses;
}

}  // namespace esrgan::train
