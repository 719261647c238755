// Structured pruning: whole channels leave a network, physically.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "model/model.h"

namespace esrgan {

/// How much each output channel of a convolution matters, by the convolution's name; what is not named does
/// not matter.
using ChannelImportance = std::map<std::string, std::vector<double>>;

/// By |gamma| of the normalisation behind each convolution (Liu et al. 2017, arXiv:1708.06519), which
/// training with the loss `sparsity` makes small. Empty for a network without normalisation.
ChannelImportance gamma_importance(const Model& model);
/// By the sum of the absolute weights of each channel.
ChannelImportance magnitude_importance(const Model& model);

struct PruneOptions {
  double keep = 0.6;       ///< share of the multiply-accumulates that is to be left
  bool per_layer = false;  ///< every set of maps that are tied keeps the same share of its channels, instead
                           ///< of those that matter most in the whole network
  int multiple =
      16;  ///< channels leave in sets of so many, and so many stay at least: kernels work on vectors
};

/// The network without the channels that matter least for what they cost; sums, gates and pixel-shuffles lose
/// theirs everywhere. What building the graph folded stays folded. Throws Error when so little cannot be
/// left.
Model prune(const Model& model, const ChannelImportance& importance, const PruneOptions& options);

}  // namespace esrgan
