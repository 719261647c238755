#include "train/networks/generators/time_head.h"

#include <cmath>

#include "model/families/time_head.h"
#include "train/networks/convolution.h"

namespace esrgan::train {

using torch::Tensor;

namespace {

/// What it adds begins small. The gain lies in the second: an optimiser's steps of one size, of weights that
/// see large values, would shake the network.
constexpr double second_gain = 0.1;

}  // namespace

TimeConvolution::TimeConvolution(int in, int out, double gain) {
  const torch::NoGradGuard no_gradients;
  const double deviation = gain * std::sqrt(2.0 / (in * frames_of_convolution * 9));
  weight_ = register_parameter("weight", torch::randn({out, in, frames_of_convolution, 3, 3}) * deviation);
  bias_ = register_parameter("bias", torch::zeros({out}));
}

Tensor TimeConvolution::forward(const Tensor& frames, double slope) {
  const Tensor flat = weight_.transpose(1, 2).reshape({weight_.size(0), -1, 3, 3});
  return convolve(frames, flat, bias_, slope);
}

TimeHead::TimeHead(torch::nn::Module& network, const Architecture& a, double gain)
    : channels_(a.in_channels),
      first_(network.register_module("time_1",
                                     std::make_shared<TimeConvolution>(a.in_channels, a.time_features, 1))),
      second_(network.register_module(
          "time_2", std::make_shared<TimeConvolution>(a.time_features, a.features, second_gain * gain))) {}

Tensor TimeHead::middle(const Tensor& window) const {
  constexpr int64_t place = frames_of_window / 2;
  return window.slice(1, place * channels_, (place + 1) * channels_);
}

Tensor TimeHead::forward(const Tensor& window) {
  std::vector<Tensor> frames;
  for (int i = 0; i < maps_of_window; ++i)
    frames.push_back(window.slice(1, i * channels_, (i + frames_of_convolution) * channels_));
  const Tensor maps = first_->forward(torch::cat(frames), static_cast<double>(time_slope));
  return second_->forward(torch::cat(maps.chunk(maps_of_window), 1), 1);
}

}  // namespace esrgan::train
