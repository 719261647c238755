// Every operation on every device: against the reference device on random shapes, for every instruction set
// of this machine; half precision against a convolution that rounds its factors the same way; any number of
// threads.
#include <esrgan/error.h>

#include <array>
#include <bit>
#include <cmath>
#include <functional>

#include "base/half.h"
#include "device/cpu/cpu_device.h"
#include "device/reference/reference_device.h"
#include "support.h"

namespace esrgan {
namespace {

/// A graph whose maps all are exact copies of the input's channels, up to the operation that is looked at.
struct Trial {
  Graph graph;
  std::string text;
};

class Operations : public test::RandomTest {
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

  static float largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
    float largest = a.size() == b.size() ? 0 : INFINITY;
    for (size_t i = 0; i < std::min(a.size(), b.size()); ++i)
      largest = std::max(largest, std::abs(a[i] - b[i]));
    return largest;
  }
};

TEST_F(Operations, AgreeOnEveryDevice) {
  ThreadPool pool(3);
  const std::unique_ptr<Device> reference = make_reference_device();
  std::vector<int> seen(5, 0);
  for (int round = 0; round < 140; ++round) {
    const int kind = between(0, 7);  // half of them convolutions
    ++seen[static_cast<size_t>(std::min(kind, 4))];
    const Trial trial = kind == 0   ? pixel_shuffle()
                        : kind == 1 ? pixel_unshuffle()
                        : kind == 2 ? add_upsampled()
                        : kind == 3 ? elementwise()
                                    : convolution();
    const auto expected_by = reference->compile(trial.graph, false);
    const int multiple = expected_by->input_multiple();
    const int width = multiple * between(1, 40), height = multiple * between(1, 24);
    const float range = kind == 3 ? 30 : 1;  // where sigmoids end
    const std::vector<float> in =
        reals(static_cast<size_t>(width * height * expected_by->in_channels()), -range, range);
    const std::vector<float> expected = run(*expected_by, in, width, height);
    for (const Isa isa : supported_isas()) {
      const auto executor = make_cpu_device(pool, isa)->compile(trial.graph, false);
      EXPECT_LE(largest_difference(expected, run(*executor, in, width, height)), 2e-5F)
          << name_of(isa) << ": " << trial.text << ", " << width << "x" << height;
    }
  }
  for (const int count : seen) EXPECT_GT(count, 0) << "the test would prove nothing";
}

// ---- half precision ----

/// What a bfloat16 keeps of a number: to the nearest, ties to even.
double rounded(double value) {
  const uint32_t bits = bits_from_float(static_cast<float>(value));
  return static_cast<double>(float_from_bits((bits + 0x7FFFU + ((bits >> 16U) & 1U)) & 0xFFFF0000U));
}

using Six = std::array<double, 6>;
using Window = std::array<Six, 6>;

// Lavin and Gray 2016 (arXiv:1509.09308), F(4x4, 3x3) with the points 0, +-3/4, +-3/2 and infinity.
constexpr double a = 0.75, b = 1.5;

Six transform_input(const Six& d) {
  const auto pair = [&](double p, double q, double sign) {
    return d[4] - q * q * d[2] + sign * p * (d[3] - q * q * d[1]);
  };
  return {a * a * b * b * d[0] - (a * a + b * b) * d[2] + d[4],
          pair(a, b, 1),
          pair(a, b, -1),
          pair(b, a, 1),
          pair(b, a, -1),
          a * a * b * b * d[1] - (a * a + b * b) * d[3] + d[5]};
}

Six transform_filter(const std::array<double, 3>& g) {
  const double na = 2 * a * a * (a * a - b * b), nb = 2 * b * b * (b * b - a * a);
  return {g[0] / (a * a * b * b),
          (g[0] + a * g[1] + a * a * g[2]) / na,
          (g[0] - a * g[1] + a * a * g[2]) / na,
          (g[0] + b * g[1] + b * b * g[2]) / nb,
          (g[0] - b * g[1] + b * b * g[2]) / nb,
          g[2]};
}

std::array<double, 4> transform_output(const Six& m) {
  std::array<double, 4> y{};
  for (size_t i = 0; i < 4; ++i) {
    const auto power = [&](double p) { return std::pow(p, static_cast<double>(i)); };
    y[i] = (i == 0 ? m[0] : 0) + power(a) * m[1] + power(-a) * m[2] + power(b) * m[3] + power(-b) * m[4] +
           (i == 3 ? m[5] : 0);
  }
  return y;
}

template <typename Value>
Window columns_then_rows(const Value& value) {
  Window half{}, result{};
  for (size_t x = 0; x < 6; ++x) {
    Six column{};
    for (size_t y = 0; y < 6; ++y) column[y] = value(static_cast<int>(x), static_cast<int>(y));
    const Six turned = transform_input(column);
    for (size_t y = 0; y < 6; ++y) half[y][x] = turned[y];
  }
  for (size_t y = 0; y < 6; ++y) result[y] = transform_input(half[y]);
  return result;
}

Window filter_window(const float* weights) {
  std::array<std::array<double, 3>, 6> half{};
  for (size_t x = 0; x < 3; ++x) {
    const Six column = transform_filter({static_cast<double>(weights[x]), static_cast<double>(weights[3 + x]),
                                         static_cast<double>(weights[6 + x])});
    for (size_t y = 0; y < 6; ++y) half[y][x] = column[y];
  }
  Window result{};
  for (size_t y = 0; y < 6; ++y) result[y] = transform_filter(half[y]);
  return result;
}

TEST_F(Operations, HalfPrecisionRoundsTheFactorsAndNothingElse) {
  ThreadPool pool(2);
  for (const Isa isa : supported_isas()) {
    const auto device = make_cpu_device(pool, isa);
    if (device->half() == HalfPrecision::none) continue;
    for (int round = 0; round < 25; ++round) {
      const int in_channels = between(8, 40), out_channels = between(1, 40), width = between(1, 30),
                height = between(1, 12);
      Graph graph;
      Convolution conv;
      conv.name = "trial";
      conv.inputs = {new_map(graph, in_channels, 1)};
      conv.out = graph.output = new_map(graph, out_channels, 1);
      conv.in_channels = in_channels;
      conv.out_channels = out_channels;
      const float span = 1 / std::sqrt(static_cast<float>(in_channels * 9));
      conv.weights = reals(static_cast<size_t>(in_channels * out_channels * 9), -span, span);
      conv.bias = reals(static_cast<size_t>(out_channels), -1, 1);
      graph.stages = {0};
      graph.operations.emplace_back(conv);
      // Multiples of 1/16 keep the transform of the input exact, so that both round the same numbers.
      std::vector<float> in(static_cast<size_t>(width * height * in_channels));
      for (float& value : in) value = static_cast<float>(between(-16, 16)) / 16;
      const auto executor = device->compile(graph, true);
      const std::vector<float> found = run(*executor, in, width, height);

      std::vector<Window> filters;
      for (size_t i = 0; i < conv.weights.size(); i += 9) filters.push_back(filter_window(&conv.weights[i]));
      double largest = 0;
      for (int top = 0; top < height; top += 4)
        for (int left = 0; left < width; left += 4) {
          std::vector<Window> inputs;
          for (int c = 0; c < in_channels; ++c)
            inputs.push_back(columns_then_rows([&](int dx, int dy) {
              const int x = left + dx - 1, y = top + dy - 1;
              return x < 0 || y < 0 || x >= width || y >= height
                         ? 0.0
                         : static_cast<double>(in[static_cast<size_t>((y * width + x) * in_channels + c)]);
            }));
          for (int o = 0; o < out_channels; ++o) {
            Window sums{};
            for (int c = 0; c < in_channels; ++c)
              for (size_t y = 0; y < 6; ++y)
                for (size_t x = 0; x < 6; ++x)
                  sums[y][x] += rounded(inputs[static_cast<size_t>(c)][y][x]) *
                                rounded(filters[static_cast<size_t>(o * in_channels + c)][y][x]);
            std::array<std::array<double, 6>, 4> half{};
            for (size_t x = 0; x < 6; ++x) {
              const auto column =
                  transform_output({sums[0][x], sums[1][x], sums[2][x], sums[3][x], sums[4][x], sums[5][x]});
              for (size_t y = 0; y < 4; ++y) half[y][x] = column[y];
            }
            for (int y = top; y < std::min(height, top + 4); ++y) {
              const auto row = transform_output(half[static_cast<size_t>(y - top)]);
              for (int x = left; x < std::min(width, left + 4); ++x) {
                const double expected = row[static_cast<size_t>(x - left)] +
                                        static_cast<double>(conv.bias[static_cast<size_t>(o)]);
                const float value = found[static_cast<size_t>((y * width + x) * out_channels + o)];
                largest = std::max(largest, std::abs(expected - static_cast<double>(value)));
              }
            }
          }
        }
      EXPECT_LE(largest, 1e-5) << name_of(isa) << ": " << in_channels << " -> " << out_channels << ", "
                               << width << "x" << height;
    }
  }
}

// ---- threads ----

TEST_F(Operations, AnyNumberOfThreadsGivesTheSameBits) {
  Graph graph;
  MapId x = graph.input = new_map(graph, 3, 1);
  for (int i = 0; i < 6; ++i) {
    Convolution conv;
    conv.name = "layer";
    conv.inputs = {x};
    conv.in_channels = graph.map(x).channels;
    conv.out_channels = i == 5 ? 12 : 20;
    conv.weights = reals(static_cast<size_t>(conv.in_channels * conv.out_channels * 9), -0.1F, 0.1F);
    conv.bias = reals(static_cast<size_t>(conv.out_channels), -1, 1);
    if (i > 1 && i < 5) conv.residuals = {{x, 0.5F}};
    x = conv.out = new_map(graph, conv.out_channels, 1);
    if (i % 2 == 0) graph.stages.push_back(graph.operations.size());
    graph.operations.emplace_back(std::move(conv));
  }
  const MapId wide = new_map(graph, 3, 2);
  graph.operations.emplace_back(PixelShuffle{x, wide, 2, false});
  graph.output = new_map(graph, 3, 2);
  graph.operations.emplace_back(AddUpsampled{wide, graph.input, graph.output, 2, Upsampling::nearest});
  for (const auto& [width, height] : {std::pair{97, 61}, std::pair{5, 3}}) {
    const std::vector<float> in = reals(static_cast<size_t>(width * height * 3));
    for (const bool half : {false, true}) {
      std::vector<float> expected;
      for (const int threads : {1, 2, 3, 7, 16, 33, 64, 128}) {
        ThreadPool pool(threads);
        const auto executor = make_cpu_device(pool)->compile(graph, half);
        const std::vector<float> found = run(*executor, in, width, height);
        if (threads == 1) expected = found;
        EXPECT_EQ(expected, found) << threads << " threads, " << width << "x" << height;
      }
    }
  }
}

/// Operations of all kinds, any of them reading what any before made, in one stage or several.
class RandomGraph {
 public:
  RandomGraph(test::RandomTest& random, bool stages) : random_(random), stages_(stages) {
    graph_.input = map(channels, 1);
    made_ = {graph_.input};
    const int count = random_.between(4, 9);
    for (int i = 0; i < count; ++i) add_any();
    const MapId deep = convolve({latest()}, 3, 12), wide = map(3, 2);
    graph_.operations.emplace_back(PixelShuffle{deep, wide, 2, false});
    const MapId base = convolve({made_[1]}, 1, 3), sum = map(3, 2);
    graph_.operations.emplace_back(
        AddUpsampled{wide, base, sum, 2, flip() ? Upsampling::nearest : Upsampling::bilinear});
    graph_.output = convolve({sum}, 3, 3, flip() ? 2 : 1);
  }

  Graph take() { return std::move(graph_); }

 private:
  static constexpr int channels = 8;

  bool flip() { return random_.between(0, 1) == 1; }
  MapId latest() const { return made_.back(); }
  MapId any() { return made_[static_cast<size_t>(random_.between(0, static_cast<int>(made_.size()) - 1))]; }

  MapId map(int count, int density) {
    graph_.maps.push_back({count, density});
    return static_cast<MapId>(graph_.maps.size()) - 1;
  }

  MapId convolve(const std::vector<MapId>& inputs, int kernel, int out_channels, int upsample = 1) {
    Convolution conv;
    conv.name = "layer";
    conv.inputs = inputs;
    conv.kernel = kernel;
    conv.upsample = upsample;
    for (const MapId in : inputs) conv.in_channels += graph_.map(in).channels;
    conv.out_channels = out_channels;
    const int weights = conv.in_channels * out_channels * kernel * kernel;
    conv.weights = random_.reals(static_cast<size_t>(weights), -0.2F, 0.2F);
    conv.bias = random_.reals(static_cast<size_t>(out_channels), -1, 1);
    if (out_channels == channels && flip()) conv.residuals = {{any(), 0.5F}};
    conv.out = map(out_channels, graph_.map(inputs.front()).density * upsample);
    if (graph_.operations.empty() || (stages_ && random_.between(0, 3) == 0))
      graph_.stages.push_back(graph_.operations.size());
    graph_.operations.emplace_back(std::move(conv));
    return output_of(graph_.operations.back());
  }

  void add_any() {
    const int kind = graph_.operations.empty() ? 0 : random_.between(0, 5);
    if (kind == 4) {
      const MapId out = map(channels, 1);
      graph_.operations.emplace_back(Silu{any(), out});
      made_.push_back(out);
    } else if (kind == 5) {
      const MapId out = map(channels, 1);
      graph_.operations.emplace_back(SymmetricGate{latest(), any(), out});
      made_.push_back(out);
    } else if (kind == 3) {
      made_.push_back(convolve({any()}, random_.between(0, 2) * 2 + 1, channels));
    } else {
      std::vector<MapId> inputs{latest()};
      for (int i = 0; i < kind; ++i) inputs.push_back(any());
      made_.push_back(convolve(inputs, 3, channels));
    }
  }

  test::RandomTest& random_;
  bool stages_;
  Graph graph_;
  std::vector<MapId> made_;  // maps of density 1
};

TEST_F(Operations, WidePicturesAreTheSameBitsInPanels) {
  int fewer = 0;
  for (int trial = 0; trial < 20; ++trial) {
    const Graph graph = RandomGraph(*this, trial % 2 == 1).take();
    const int width = between(300, 600), height = between(1, 24), channels = graph.map(graph.input).channels;
    const std::vector<float> in = reals(static_cast<size_t>(width * height * channels));
    for (const bool half : {false, true}) {
      ThreadPool one(1), two(2), many(128);
      const auto whole = make_cpu_device(many)->compile(graph, half),
                 in_panels = make_cpu_device(one)->compile(graph, half),
                 in_wide_panels = make_cpu_device(two)->compile(graph, half);
      const std::vector<float> expected = run(*whole, in, width, height);
      EXPECT_EQ(expected, run(*in_panels, in, width, height)) << trial << ": " << width << "x" << height;
      EXPECT_EQ(expected, run(*in_wide_panels, in, width, height)) << trial << ": " << width << "x" << height;
      // What was beside the last picture's panels must not show in the next.
      EXPECT_EQ(expected, run(*in_panels, in, width, height)) << trial << ": again";
      if (in_panels->memory_for(width, height).host < whole->memory_for(width, height).host) ++fewer;
    }
  }
  EXPECT_GT(fewer, 0);  // there were panels
}

// ---- devices ----

class OnlyConvolutions : public Device {
 public:
  std::string name() const override { return "small"; }
  std::string description() const override { return "convolutions alone"; }
  const char* kernels(bool) const override { return "none"; }
  HalfPrecision half() const override { return HalfPrecision::none; }
  uint64_t memory() const override { return 0; }
  bool supports(const Operation& operation) const override {
    return std::holds_alternative<Convolution>(operation);
  }

 private:
  std::unique_ptr<Executor> compile_supported(Graph, bool) override { return nullptr; }
};

TEST_F(Operations, ADeviceNamesTheOperationThatItLacks) {
  OnlyConvolutions device;
  EXPECT_NO_THROW(device.compile(convolution().graph, false));
  try {
    device.compile(pixel_shuffle().graph, false);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.found(), "pixel-shuffle");
    EXPECT_NE(std::string(error.what()).find("'small'"), std::string::npos) << error.what();
  }
}

TEST(Devices, AreOpenedByName) {
  ThreadPool pool(1);
  for (const std::string& name : device_names()) EXPECT_EQ(open_device(name, pool)->name(), name);
  EXPECT_EQ(open_device("auto", pool)->name(), device_names().front());
  EXPECT_THROW(open_device("gpu77", pool), Error);
}

}  // namespace
}  // namespace esrgan
