// Graphs of few operations, made at random.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "device/cpu/cpu_device.h"
#include "support.h"

namespace esrgan::test {

/// A graph whose maps all are exact copies of the input's channels, up to the operation that is looked at.
struct Trial {
  Graph graph;
  std::string text;
};

class Operations : public RandomTest {
 protected:
  MapId new_map(Graph& graph, int channels, int density) {
    graph.maps.push_back({channels, density});
    return static_cast<MapId>(graph.maps.size()) - 1;
  }

  /// Random channels of a map; products with 1 and 0 are exact.
  MapId select(Graph& graph, MapId from, int channels) {
    Convolution conv;
    conv.name = "select";
    conv.inputs = {from};
    conv.in_channels = graph.map(from).channels;
    conv.out_channels = channels;
    conv.kernel = 1;
    conv.weights.assign(static_cast<size_t>(conv.in_channels * channels), 0.0F);
    for (int c = 0; c < channels; ++c)
      conv.weights[static_cast<size_t>(c * conv.in_channels + between(0, conv.in_channels - 1))] = 1;
    conv.bias.assign(static_cast<size_t>(channels), 0.0F);
    conv.out = new_map(graph, channels, graph.map(from).density);
    const MapId out = conv.out;
    maybe_begin_stage(graph);
    graph.operations.emplace_back(std::move(conv));
    return out;
  }

  void maybe_begin_stage(Graph& graph) {
    if (graph.operations.empty() || between(0, 2) == 0) graph.stages.push_back(graph.operations.size());
  }

  Trial convolution() {
    Trial trial;
    Graph& graph = trial.graph;
    graph.input = new_map(graph, between(1, 20), 1);
    Convolution conv;
    conv.name = "trial";
    conv.upsample = between(1, 2);
    const int input_count = between(1, 3);
    conv.kernel = conv.upsample == 2 ? 3 : 2 * between(0, 4) + 1;
    for (int i = 0; i < input_count; ++i) {
      conv.inputs.push_back(select(graph, graph.input, between(1, 40)));
      conv.in_channels += graph.map(conv.inputs.back()).channels;
    }
    conv.out_channels = between(1, 70);
    const auto span = 1 / std::sqrt(static_cast<float>(conv.in_channels * conv.kernel * conv.kernel));
    conv.weights = reals(
        static_cast<size_t>(conv.in_channels * conv.out_channels * conv.kernel * conv.kernel), -span, span);
    conv.bias = reals(static_cast<size_t>(conv.out_channels), -1, 1);
    if (between(0, 1) == 1) conv.slope = reals(static_cast<size_t>(conv.out_channels), -0.5F, 1.5F);
    conv.scale = real(0.1F, 2);
    if (conv.upsample == 1)
      for (int r = between(0, 2); r > 0; --r)
        conv.residuals.push_back({select(graph, graph.input, conv.out_channels), real(-1, 1)});
    conv.out = graph.output = new_map(graph, conv.out_channels, conv.upsample);
    trial.text = std::to_string(conv.in_channels) + " -> " + std::to_string(conv.out_channels) +
                 " channels of " + std::to_string(input_count) + " maps, kernel " +
                 std::to_string(conv.kernel) + ", upsample " + std::to_string(conv.upsample);
    maybe_begin_stage(graph);
    graph.operations.emplace_back(std::move(conv));
    return trial;
  }

  Trial pixel_shuffle() {
    Trial trial;
    Graph& graph = trial.graph;
    const int factor = between(1, 4), channels = between(1, 5);
    graph.input = new_map(graph, between(1, 20), 1);
    const MapId deep = select(graph, graph.input, channels * factor * factor);
    graph.output = new_map(graph, channels, factor);
    maybe_begin_stage(graph);
    graph.operations.emplace_back(PixelShuffle{deep, graph.output, factor, false});
    trial.text = "pixel-shuffle by " + std::to_string(factor);
    return trial;
  }

  Trial pixel_unshuffle() {
    Trial trial;
    Graph& graph = trial.graph;
    const int factor = between(1, 4), channels = between(1, 5);
    graph.input = new_map(graph, channels, factor);
    const MapId deep = new_map(graph, channels * factor * factor, 1);
    maybe_begin_stage(graph);
    graph.operations.emplace_back(PixelShuffle{graph.input, deep, factor, true});
    graph.output = deep;
    graph.output = select(graph, deep, between(1, 9));
    // An executor's output is as large as its input, or larger.
    const MapId wide = select(graph, graph.output, factor * factor);
    graph.output = new_map(graph, 1, factor);
    graph.operations.emplace_back(PixelShuffle{wide, graph.output, factor, false});
    trial.text = "pixel-unshuffle by " + std::to_string(factor);
    return trial;
  }

  Trial elementwise() {
    Trial trial;
    Graph& graph = trial.graph;
    const int channels = between(1, 40);
    graph.input = new_map(graph, between(1, 20), 1);
    const MapId in = select(graph, graph.input, channels), residual = select(graph, graph.input, channels);
    graph.output = new_map(graph, channels, 1);
    maybe_begin_stage(graph);
    if (between(0, 1) == 0)
      graph.operations.emplace_back(Silu{in, graph.output});
    else
      graph.operations.emplace_back(SymmetricGate{in, residual, graph.output});
    trial.text = name_of(graph.operations.back());
    return trial;
  }

  Trial add_upsampled() {
    Trial trial;
    Graph& graph = trial.graph;
    const int factor = between(1, 4), channels = between(1, 5);
    const Upsampling mode = between(0, 1) == 0 ? Upsampling::nearest : Upsampling::bilinear;
    graph.input = new_map(graph, channels, 1);
    const MapId deep = select(graph, graph.input, channels * factor * factor),
                wide = new_map(graph, channels, factor);
    graph.operations.emplace_back(PixelShuffle{deep, wide, factor, false});
    graph.output = new_map(graph, channels, factor);
    maybe_begin_stage(graph);
    graph.operations.emplace_back(AddUpsampled{wide, graph.input, graph.output, factor, mode});
    trial.text = name_of(graph.operations.back()) + " by " + std::to_string(factor);
    return trial;
  }

  static std::vector<float> run(Executor& executor, const std::vector<float>& in, int width, int height) {
    const int scale = executor.scale();
    std::vector<float> out(static_cast<size_t>(width * scale) * static_cast<size_t>(height * scale) *
                           static_cast<size_t>(executor.out_channels()));
    executor.run(in.data(), width, height, out.data(), {});
    return out;
  }

  /// Of the reference's values, at least 1: what rounding errors grow with.
  static float range_of(const std::vector<float>& values) {
    float range = 1;
    for (const float value : values) range = std::max(range, std::abs(value));
    return range;
  }
  static float largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
    float largest = a.size() == b.size() ? 0 : INFINITY;
    for (size_t i = 0; i < std::min(a.size(), b.size()); ++i)
      largest = std::max(largest, std::abs(a[i] - b[i]));
    return largest;
  }
};

}  // namespace esrgan::test
