// The head of networks that see a window of frames (model/families/time_head.h).
#pragma once

#include <vector>

#include "model/architecture.h"
#include "train/networks/layers.h"

namespace esrgan::train {

/// A 3x3x3 convolution: weights [out][in][time][3][3].
class TimeConvolution : public torch::nn::Module {
 public:
  /// He et al. 2015 for ReLU, times `gain`.
  TimeConvolution(int in, int out, double gain);

  /// Over three frames one behind the other: n x 3 in x h x w. What is negative is multiplied by `slope`.
  torch::Tensor forward(const torch::Tensor& frames, double slope);

 private:
  torch::Tensor weight_, bias_;
};

class TimeHead {
 public:
  /// Registers its layers with the network. `gain`: how large its maps begin. What it adds begins small.
  TimeHead(torch::nn::Module& network, const Architecture& a, double gain);

  /// The middle frame of a window: n x (5 in) x h x w to n x in x h x w.
  torch::Tensor middle(const torch::Tensor& window) const;
  /// To be added to what the first convolution makes of the middle frame: n x features x h x w.
  torch::Tensor forward(const torch::Tensor& window);

 private:
  int64_t channels_;  // of a frame
  std::shared_ptr<TimeConvolution> first_, second_;
};

}  // namespace esrgan::train
