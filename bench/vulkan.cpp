// vulkan_bench MODEL [DEVICE [WIDTH HEIGHT [TIMES]]]: a network on a GPU, in full and in half precision:
// seconds of a tile (the first, and the median of the others), arithmetic, and what must move through the
// GPU's memory, counted, step by step.
#include <esrgan/models.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "device/cpu/cpu_device.h"
#include "device/device.h"
#include "device/vulkan/plan.h"
#include "guarded.h"
#include "model/model.h"

namespace esrgan::bench {
namespace {

double seconds_of(Executor& executor, const std::vector<float>& in, int width, int height,
                  std::vector<float>& out) {
  const auto start = std::chrono::steady_clock::now();
  executor.run(in.data(), width, height, out.data(), {});
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void print_traffic(const Graph& graph) {
  const vulkan::Plan plan(graph, {});
  struct Row {
    int count = 0;
    double macs = 0, bytes = 0;
  };
  std::map<std::string, Row> rows;
  double all = 0;
  for (const vulkan::Step& step : plan.steps()) {
    std::string name = "other";
    if (const auto* s = std::get_if<vulkan::ConvolutionStep>(&step)) {
      const auto& op = std::get<Convolution>(graph.operations[s->operation]);
      name = std::to_string(op.kernel) + "x" + std::to_string(op.kernel) + " " +
             std::to_string(op.in_channels) + " -> " + std::to_string(op.out_channels) +
             (op.upsample > 1 ? " enlarged" : "");
    }
    Row& row = rows[name];
    ++row.count;
    row.macs += plan.macs(step);
    row.bytes += plan.traffic(step, 2);
    all += plan.traffic(step, 2);
  }
  std::printf("%-26s %5s %14s %14s %12s\n", "half precision, per cell", "times", "FLOP", "bytes",
              "FLOP/byte");
  for (const auto& [name, row] : rows)
    std::printf("%-26s %5d %14.0f %14.0f %12.0f\n", name.c_str(), row.count, 2 * row.macs, row.bytes,
                2 * row.macs / row.bytes);
  std::printf("in all %.0f bytes\n", all);
}

void measure(const std::string& model, const std::string& name, int width, int height, int times) {
  ThreadPool pool;
  const std::unique_ptr<Device> device = open_device(name, pool);
  const Graph graph = build_graph(read_model(find_model(model)));
  std::printf("%s: %s\n", device->name().c_str(), device->description().c_str());
  print_traffic(graph);
  const auto exact = make_cpu_device(pool)->compile(graph, false);
  std::mt19937 random(1);
  std::vector<float> in(static_cast<size_t>(width * height * exact->in_channels()));
  for (float& value : in) value = static_cast<float>(random() % 256) / 255;
  std::vector<float> expected(
      static_cast<size_t>(width * height * exact->scale() * exact->scale() * exact->out_channels()));
  exact->run(in.data(), width, height, expected.data(), {});
  for (const bool half : {false, true}) {
    const auto start = std::chrono::steady_clock::now();
    const auto executor = device->compile(graph, half);
    const double compiled = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::vector<float> out(expected.size());
    const double first = seconds_of(*executor, in, width, height, out);
    std::vector<double> seconds;
    seconds.reserve(static_cast<size_t>(times));
    for (int i = 0; i < times; ++i) seconds.push_back(seconds_of(*executor, in, width, height, out));
    std::sort(seconds.begin(), seconds.end());
    const double median = seconds[seconds.size() / 2];
    double largest = 0, squares = 0;
    for (size_t i = 0; i < out.size(); ++i) {
      const double difference = static_cast<double>(out[i]) - static_cast<double>(expected[i]);
      largest = std::max(largest, std::abs(difference));
      squares += difference * difference;
    }
    std::printf("against the processor in full precision: at most %.1e, %.1f dB\n", largest,
                -10 * std::log10(squares / static_cast<double>(out.size())));
    std::printf("%s, %dx%d: %.3f s to compile, %.3f s the first, then %.4f s (least %.4f): %.1f GFLOP/s\n",
                half ? "half" : "full", width, height, compiled, first, median, seconds.front(),
                2e-9 * executor->macs_per_pixel() * width * height / median);
  }
}

}  // namespace
}  // namespace esrgan::bench

int main(int count, char** arguments) {
  return esrgan::bench::guarded([&] {
    const auto number = [&](int i, int usual) { return count > i ? std::atoi(arguments[i]) : usual; };
    if (count < 2)
      throw esrgan::Error(esrgan::ErrorKind::invalid_argument,
                          "usage: vulkan_bench MODEL [DEVICE [WIDTH HEIGHT [TIMES]]]");
    esrgan::bench::measure(arguments[1], count > 2 ? arguments[2] : "auto", number(3, 64), number(4, 64),
                           number(5, 5));
  });
}
