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

constexpr size_t centre = 4;  // of the taps

/// What time_1 makes of the three frames from `first` on, of those that lie one behind the other in a map,
/// and the colours of the middle one.
Convolution of_frame(const GraphBuilder& builder, const std::string& name, const TimeWeights& time,
                     MapId frames, size_t first) {
  const auto channels = static_cast<size_t>(builder.channels(frames));
  const size_t outs = time.out + time.in;
  std::vector<float> weights(outs * channels * taps);
  const auto tap = [&](size_t o, size_t channel) { return weights.data() + (o * channels + channel) * taps; };
  for (size_t o = 0; o < time.out; ++o)
    for (size_t frame = 0; frame < frames_of_convolution; ++frame)
      for (size_t i = 0; i < time.in; ++i)
        std::copy_n(time.of(o, i, frame), taps, tap(o, (first + frame) * time.in + i));
  for (size_t c = 0; c < time.in; ++c) tap(time.out + c, (first + 1) * time.in + c)[centre] = 1;
  std::vector<float> bias = time.bias;
  bias.resize(outs);
  Convolution made = builder.convolution(name, {frames}, std::move(weights), std::move(bias), 3);
  GraphBuilder::activate(made, time_slope);
  std::fill(made.slope.begin() + static_cast<ptrdiff_t>(time.out), made.slope.end(), 1.0F);
  return made;
}

/// time_2 over maps of frames, and the first convolution of the middle one's colours.
Convolution over_maps(const GraphBuilder& builder, const TimeWeights& time, const ConvolutionTensors& still,
                      std::vector<MapId> maps) {
  const size_t colours = still.in, of_map = time.in + colours, channels = maps_of_window * of_map;
  if (still.kernel != 3 || still.out != time.out)
    throw Error(ErrorKind::bad_data, builder.shapes().weights().file, "shape of the first convolution",
                std::to_string(time.out) + " channels out, 3x3, as time_2",
                std::to_string(still.out) + " channels out");
  std::vector<float> weights(time.out * channels * taps), bias(time.out);
  const auto tap = [&](size_t o, size_t channel) { return weights.data() + (o * channels + channel) * taps; };
  for (size_t o = 0; o < time.out; ++o) {
    for (size_t map = 0; map < maps_of_window; ++map)
      for (size_t i = 0; i < time.in; ++i) std::copy_n(time.of(o, i, map), taps, tap(o, map * of_map + i));
    for (size_t c = 0; c < colours; ++c)
      std::copy_n(still.weights.begin() + static_cast<ptrdiff_t>((o * colours + c) * taps), taps,
                  tap(o, maps_of_window / 2 * of_map + time.in + c));
    bias[o] = time.bias[o] + still.bias[o];
  }
  return builder.convolution("time_2", std::move(maps), std::move(weights), std::move(bias), 3);
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

MapId add_time_head(GraphBuilder& builder, const Architecture& a, const ConvolutionTensors& still) {
  const TimeWeights first = time_weights(builder, "time_1"), second = time_weights(builder, "time_2");
  if (second.in != first.out || still.in != first.in)
    throw Error(ErrorKind::bad_data, builder.shapes().weights().file, "channels of the layers in time",
                std::to_string(first.out) + " into time_2, " + std::to_string(first.in) + " into the first",
                std::to_string(second.in) + " and " + std::to_string(still.in));
  std::vector<MapId> maps;
  if (builder.part() == GraphPart::trunk) {
    maps.push_back(builder.input(maps_of_window * static_cast<int>(first.out + first.in)));
    builder.begin_stage();
  } else {
    const MapId frames = builder.input(a.frames * a.in_channels);
    builder.begin_stage();
    for (size_t i = 0; i < maps_of_window; ++i)
      maps.push_back(builder.add(of_frame(builder, "time_1." + std::to_string(i), first, frames, i)));
  }
  return builder.add(over_maps(builder, second, still, std::move(maps)));
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
