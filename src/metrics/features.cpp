#include "metrics/features.h"

#include <esrgan/error.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "graph/graph_builder.h"
#include "weights/read_weights.h"

namespace esrgan {
namespace {

/// Of a block the index of its first convolution among torchvision's `features`, which count activations and
/// poolings too.
struct Block {
  int first, convolutions;
};
constexpr std::array blocks_of_vgg16{Block{0, 2}, Block{5, 2}, Block{10, 3}, Block{17, 3}, Block{24, 3}};

constexpr std::array<float, 3> mean{0.485F, 0.456F, 0.406F}, deviation{0.229F, 0.224F, 0.225F};

Graph graph_of(const Block& block, const StateDict& weights) {
  StateDict own{weights.file, weights.format, {}, {}};
  std::vector<std::string> names;
  for (int i = 0; i < block.convolutions; ++i) {
    names.push_back("features." + std::to_string(block.first + 2 * i));
    for (const char* part : {".weight", ".bias"})
      own.add(names.back() + part, weights.at(names.back() + part));
  }
  GraphBuilder builder(own);
  MapId x = builder.input(static_cast<int>(builder.convolution_tensors(names.front()).in));
  builder.begin_stage();
  for (const std::string& name : names) {
    Convolution convolution = builder.convolution(name, x);
    GraphBuilder::activate(convolution, 0);
    x = builder.add(std::move(convolution));
  }
  return builder.finish(x);
}

/// Channels 0 to 2 as the network was trained with them.
FloatImage normalised(const FloatImage& picture) {
  FloatImage result(picture.width, picture.height, 3);
  for (int y = 0; y < picture.height; ++y)
    for (int x = 0; x < picture.width; ++x)
      for (int c = 0; c < 3; ++c) {
        const auto i = static_cast<size_t>(c);
        result.at(x, y, c) = (picture.at(x, y, picture.channels < 3 ? 0 : c) - mean[i]) / deviation[i];
      }
  return result;
}

/// The largest value of 2x2 pixels; an odd last row or column is left out, as PyTorch does.
FloatImage pooled(const FloatImage& maps) {
  FloatImage result(maps.width / 2, maps.height / 2, maps.channels);
  for (int y = 0; y < result.height; ++y)
    for (int x = 0; x < result.width; ++x)
      for (int c = 0; c < maps.channels; ++c)
        result.at(x, y, c) =
            std::max(std::max(maps.at(2 * x, 2 * y, c), maps.at(2 * x + 1, 2 * y, c)),
                     std::max(maps.at(2 * x, 2 * y + 1, c), maps.at(2 * x + 1, 2 * y + 1, c)));
  return result;
}

double length(const float* features, int channels) {
  double sum = 0;
  for (int c = 0; c < channels; ++c)
    sum += static_cast<double>(features[c]) * static_cast<double>(features[c]);
  return std::sqrt(sum) + 1e-10;
}

/// The mean over the pixels of the sums of weighted squared differences; without weights all count alike.
double distance(const FloatImage& a, const FloatImage& b, const std::vector<float>* weights) {
  double sum = 0;
  for (size_t i = 0; i < a.pixels.size(); i += static_cast<size_t>(a.channels)) {
    const float *p = a.pixels.data() + i, *q = b.pixels.data() + i;
    const double p_length = length(p, a.channels), q_length = length(q, a.channels);
    for (int c = 0; c < a.channels; ++c) {
      const double difference = static_cast<double>(p[c]) / p_length - static_cast<double>(q[c]) / q_length;
      sum += difference * difference *
             (weights != nullptr ? static_cast<double>((*weights)[static_cast<size_t>(c)]) : 1);
    }
  }
  return sum / (static_cast<double>(a.width) * a.height);
}

std::string size_text(const FloatImage& picture) {
  return std::to_string(picture.width) + "x" + std::to_string(picture.height);
}

}  // namespace

FeatureDistance::FeatureDistance(const std::string& weights, const std::string& heads, Device& device) {
  const StateDict state = read_weights(weights, select_around("features.0.weight"));
  for (size_t i = 0; i < blocks; ++i)
    executors_[i] = device.compile(graph_of(blocks_of_vgg16[i], state), false);
  if (executors_[0]->in_channels() != 3)
    throw Error(ErrorKind::bad_data, weights, "channels that the network takes", "3",
                std::to_string(executors_[0]->in_channels()));
  for (size_t i = 1; i < blocks; ++i)
    if (executors_[i]->in_channels() != executors_[i - 1]->out_channels())
      throw Error(ErrorKind::bad_data, weights, "channels of block " + std::to_string(i + 1),
                  std::to_string(executors_[i - 1]->out_channels()),
                  std::to_string(executors_[i]->in_channels()));
  if (heads.empty()) return;
  const StateDict published = read_weights(heads, select_around("lin0.model.1.weight"));
  for (size_t i = 0; i < blocks; ++i) {
    heads_.push_back(published.at("lin" + std::to_string(i) + ".model.1.weight").values);
    if (heads_.back().size() != static_cast<size_t>(executors_[i]->out_channels()))
      throw Error(ErrorKind::bad_data, heads, "weights for layer " + std::to_string(i + 1),
                  std::to_string(executors_[i]->out_channels()), std::to_string(heads_.back().size()));
  }
}

PerceptualDistance FeatureDistance::of(const FloatImage& reference, const FloatImage& test) {
  if (reference.width != test.width || reference.height != test.height)
    throw Error(ErrorKind::invalid_argument, "", "the pictures to compare differ in size",
                size_text(reference), size_text(test));
  constexpr int least = 1 << (blocks - 1);
  if (std::min(reference.width, reference.height) < least)
    throw Error(ErrorKind::invalid_argument, "", "a picture whose features are compared",
                "at least 16x16 pixels", size_text(reference));
  std::array<FloatImage, 2> maps{normalised(reference), normalised(test)};
  PerceptualDistance result;
  if (!heads_.empty()) result.lpips = 0;
  for (size_t i = 0; i < blocks; ++i) {
    for (FloatImage& picture : maps) {
      const FloatImage input = i == 0 ? std::move(picture) : pooled(picture);
      picture = FloatImage(input.width, input.height, executors_[i]->out_channels());
      executors_[i]->run(input.pixels.data(), input.width, input.height, picture.pixels.data(), {});
    }
    result.features += distance(maps[0], maps[1], nullptr);
    if (result.lpips) *result.lpips += distance(maps[0], maps[1], &heads_[i]);
  }
  return result;
}

}  // namespace esrgan
