#include "device/device.h"

#include <esrgan/error.h>

#include <algorithm>
#include <utility>

#include "device/cpu/cpu_device.h"
#include "device/reference/reference_device.h"

namespace esrgan {
namespace {

struct Row {
  const char* name;
  std::unique_ptr<Device> (*open)(ThreadPool& pool);
};

// The best first.
constexpr Row table[] = {{"cpu", [](ThreadPool& pool) { return make_cpu_device(pool); }},
                         {"reference", [](ThreadPool&) { return make_reference_device(); }}};

}  // namespace

Executor::Executor(const Graph& graph)
    : in_channels_(graph.map(graph.input).channels),
      out_channels_(graph.map(graph.output).channels),
      input_multiple_(graph.input_density()),
      scale_(graph.output_density() / graph.input_density()),
      receptive_radius_(graph.receptive_radius()),
      macs_per_pixel_(graph.macs_per_pixel()) {}

void Executor::run(const float* in, int width, int height, float* out, const RunControl& control) {
  if (width <= 0 || height <= 0 || width % input_multiple_ != 0 || height % input_multiple_ != 0)
    throw Error(ErrorKind::invalid_argument, "", "size of a network input",
                "a positive multiple of " + std::to_string(input_multiple_),
                std::to_string(width) + "x" + std::to_string(height));
  run_checked(in, width, height, out, control);
}

std::unique_ptr<Executor> Device::compile(Graph graph, bool half) {
  for (const Operation& operation : graph.operations)
    if (!supports(operation))
      throw Error(ErrorKind::unsupported, "", "the device '" + name() + "' cannot run this network",
                  "operations that it has", name_of(operation));
  return compile_supported(std::move(graph), half && this->half() != HalfPrecision::none);
}

std::vector<std::string> device_names() {
  std::vector<std::string> names;
  for (const Row& row : table) names.emplace_back(row.name);
  return names;
}

std::unique_ptr<Device> open_device(std::string_view name, ThreadPool& pool) {
  std::string known;
  for (const Row& row : table) {
    if (name == row.name || name == "auto") return row.open(pool);
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  throw Error(ErrorKind::invalid_argument, "", "--device", "auto, " + known, std::string(name));
}

}  // namespace esrgan
