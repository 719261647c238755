// What 8 bits do to a network: which ranges its layers need, and which of them suffer most.
#pragma once

#include <set>
#include <vector>

#include "compress/quantise.h"
#include "train/compress/calibration.h"
#include "train/networks/graph_network.h"

namespace esrgan::train {

/// How the range of what a layer takes is chosen.
enum class RangeChoice {
  min_max,            ///< all that was seen
  percentile,         ///< but for the outermost hundredth of a per cent at each end
  mean_squared_error  ///< that whose levels are nearest to what was seen
};

/// What each convolution takes and makes, looked at over the pictures.
QuantisedRanges calibrate(const Model& model, const CalibrationData& data, RangeChoice choice);

/// The network, computing as it does with 8 bits: what the convolutions named take and make, and their
/// weights, have but so many levels.
class QuantisedNetwork : public GraphNetwork {
 public:
  QuantisedNetwork(const Model& model, QuantisedRanges ranges)
      : GraphNetwork(model), ranges_(std::move(ranges)) {}
  void use(QuantisedRanges ranges) { ranges_ = std::move(ranges); }

 protected:
  torch::Tensor taken(const Convolution& conv, torch::Tensor x) override;
  torch::Tensor made(const Convolution& conv, torch::Tensor x) override;
  bool looks_at_results() const override { return true; }
  torch::Tensor weights_of(const Convolution& conv, torch::Tensor weights) override;

 private:
  QuantisedRanges ranges_;
};

struct LayerLoss {
  std::string layer;
  double psnr = 0;  ///< dB of the network's output when this layer alone is quantised, against that of floats
};

/// The layers of `ranges`, those that suffer most first.
std::vector<LayerLoss> worst_layers(const Model& model, const QuantisedRanges& ranges,
                                    const CalibrationData& data);

}  // namespace esrgan::train
