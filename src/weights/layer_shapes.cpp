#include "weights/layer_shapes.h"

#include <esrgan/error.h>

#include <cmath>

#include "base/limits.h"

namespace esrgan {
namespace {

int shuffle_factor_of(int deep, int channels) {
  return static_cast<int>(std::lround(std::sqrt(deep / channels)));
}

}  // namespace

int LayerShapes::extent(const std::string& tensor, size_t dimension, size_t dimensions) const {
  const Tensor& found = weights_.at(tensor);
  if (found.shape.size() != dimensions || found.shape[dimension] <= 0 ||
      found.shape[dimension] > limits::channels)
    throw Error(ErrorKind::bad_data, weights_.file, "shape of tensor '" + tensor + "'",
                std::string("a convolution's ") + (dimensions == 4 ? "four" : "five") +
                    " dimensions, at most " + std::to_string(limits::channels) + " channels",
                found.shape_text());
  return static_cast<int>(found.shape[dimension]);
}

int LayerShapes::count(const std::string& prefix, const std::string& suffix, int first) const {
  int found = 0;
  const auto name = [&] { return std::string(prefix).append(std::to_string(first + found)).append(suffix); };
  while (has(name())) ++found;
  return found;
}

int LayerShapes::shuffle_factor(const std::string& layer, int taken) const {
  const int shuffled = out_channels(layer);
  if (!is_square(shuffled, taken))
    throw Error(ErrorKind::bad_data, weights_.file, "output channels of '" + layer + "'",
                "a square number times " + std::to_string(taken) + ", which the next layer takes",
                std::to_string(shuffled));
  return shuffle_factor_of(shuffled, taken);
}

bool is_square(int deep, int channels) {
  const int factor = shuffle_factor_of(deep, channels);
  return factor >= 1 && factor <= limits::scale && factor * factor * channels == deep;
}

}  // namespace esrgan
