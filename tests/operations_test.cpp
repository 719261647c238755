// Every operation on every device: against the reference device on random shapes, for every instruction set
// of this machine; half precision against a convolution that rounds its factors the same way.
#include <esrgan/error.h>

#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <iostream>

#include "base/half.h"
#include "device/reference/reference_device.h"
#include "operations_fixture.h"

namespace esrgan {
namespace {

using test::Operations;
using test::Trial;

/// The GPUs of this machine, Mesa's lavapipe if script/setup test has brought it.
std::vector<std::unique_ptr<Device>> gpus(ThreadPool& pool) {
  std::vector<std::unique_ptr<Device>> found;
  for (const std::string& name : device_names())
    if (name.starts_with("gpu:")) found.push_back(open_device(name, pool));
  if (found.empty()) std::cout << "no Vulkan here: GPUs are left out\n";
  return found;
}

TEST_F(Operations, AgreeOnEveryDevice) {
  ThreadPool pool(3);
  const std::vector<std::unique_ptr<Device>> devices = gpus(pool);
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
      EXPECT_LE(largest_difference(expected, run(*executor, in, width, height)), 1e-5F * range_of(expected))
          << name_of(isa) << ": " << trial.text << ", " << width << "x" << height;
    }
    for (const auto& device : devices)
      for (const bool half : {false, true}) {
        const auto executor = device->compile(trial.graph, half);
        const float tolerance = half && device->half() != HalfPrecision::none ? 2e-3F : 2e-5F;
        EXPECT_LE(largest_difference(expected, run(*executor, in, width, height)),
                  tolerance * range_of(expected))
            << device->name() << (half ? ", half: " : ": ") << trial.text << ", " << width << "x" << height;
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
