#include "model/families/time_head.h"

#include <esrgan/error.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/limits.h"

namespace esrgan {
namespace {

constexpr size_t taps = 9;  // of a frame

/// The weights of a 3x3x3 convolution, [out][in][time][3][3].
struct TimeWeights {
  size_t out = 0, in = 0;
  std::vector<float> weights, bias;

  const float* of(size_t o, size_t i, size_t time) const {
    return weights.data() + ((o * in + i) * frames_of_convolution + time) * taps;
  }
};

TimeWeights time_weights(GraphBuilder& builder, const std::string& name) {
  const Tensor& found = builder.tensor(name + ".weight");
  const auto& shape = found.shape;
  const bool fits = shape.size() == 5 && shape[0] > 0 && shape[0] <= limits::channels && shape[1] > 0 &&
                    shape[1] <= limits::channels && shape[2] == frames_of_convolution && shape[3] == 3 &&
                    shape[4] == 3;
  if (!fits)
    throw Error(ErrorKind::bad_data, builder.shapes().weights().file, "shape of tensor '" + name + ".weight'",
                "[out, in, 3, 3, 3]", found.shape_text());
  return {static_cast<size_t>(shape[0]), static_cast<size_t>(shape[1]), found.values,
          builder.vector(name + ".bias", static_cast<int>(shape[0]))};
}

/// As a convolution over frames one behind the other, of which it sees three from `first` on.
Convolution over_frames(const GraphBuilder& builder, const std::string& name, const TimeWeights& time,
                        std::vector<MapId> inputs, size_t first) {
  size_t channels = 0;
  for (const MapId input : inputs) channels += static_cast<size_t>(builder.channels(input));
  if (channels < (first + frames_of_convolution) * time.in)
    throw Error(ErrorKind::bad_data, builder.shapes().weights().file, "shape of tensor '" + name + ".weight'",
                std::to_string(channels / frames_of_convolution) + " channels in", std::to_string(time.in));
  std::vector<float> weights(time.out * channels * taps);
  for (size_t o = 0; o < time.out; ++o)
    for (size_t frame = 0; frame < frames_of_convolution; ++frame)
      for (size_t i = 0; i < time.in; ++i)
        std::copy_n(time.of(o, i, frame), taps,
                    weights.data() + (o * channels + (first + frame) * time.in + i) * taps);
  return builder.convolution(name, std::move(inputs), std::move(weights), time.bias, 3);
}

Convolution of_frame(const GraphBuilder& builder, const std::string& name, const TimeWeights& time,
                     MapId frames, size_t first) {
  Convolution made = over_frames(builder, name, time, {frames}, first);
  GraphBuilder::activate(made, time_slope);
  return made;
}

}  // namespace

bool detect_time_head(Evidence& evidence, Architecture& a) {
  if (!evidence.has("time_1.weight")) return false;
  constexpr size_t dimensions = 5;
  a.frames = frames_of_window;
  a.in_channels = evidence.extent("time_1.weight", 1, dimensions);
  a.time_features = evidence.extent("time_1.weight", 0, dimensions);
  a.features = evidence.extent("time_2.weight", 0, dimensions);
  evidence.because("3x3x3 convolutions (time_1, time_2): enlarges the middle one of " +
                   std::to_string(a.frames) + " frames");
  return true;
}

MapId add_time_head(GraphBuilder& builder, const Architecture& a) {
  const TimeWeights first = time_weights(builder, "time_1"), second = time_weights(builder, "time_2");
  std::vector<MapId> maps;
  if (builder.part() == GraphPart::trunk) {
    maps.push_back(builder.input(maps_of_window * static_cast<int>(first.out)));
    builder.begin_stage();
  } else {
    const MapId frames = builder.input(a.frames * a.in_channels);
    builder.begin_stage();
    for (size_t i = 0; i < maps_of_window; ++i)
      maps.push_back(builder.add(of_frame(builder, "time_1." + std::to_string(i), first, frames, i)));
  }
  return builder.add(over_frames(builder, "time_2", second, std::move(maps), 0));
}

void configure_time_head(NetworkWishes& wishes, Architecture& a) {
  a.frames = wishes.at_least("frames", 1, 1);
  if (a.frames != 1 && a.frames != frames_of_window)
    wishes.refuse("frames", "1, or 5: two before and two behind the one that is enlarged");
  if (a.frames > 1) a.time_features = wishes.at_least("time_features", 1, 32);
}

Graph build_frame_graph(const StateDict& weights, const Architecture& a) {
  GraphBuilder builder(weights, GraphPart::frame);
  const TimeWeights first = time_weights(builder, "time_1");
  const MapId frames = builder.input(frames_of_convolution * a.in_channels);
  builder.begin_stage();
  return builder.finish(builder.add(of_frame(builder, "time_1", first, frames, 0)));
}

}  // namespace esrgan
