#include "device/device.h"

#include <esrgan/error.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "device/cpu/cpu_device.h"
#include "device/reference/reference_device.h"
#ifdef ESRGAN_WITH_VULKAN
#include "device/vulkan/vulkan_device.h"
#endif

namespace esrgan {
namespace {

struct Row {
  std::string name;
  std::function<std::unique_ptr<Device>(ThreadPool& pool)> open;
};

std::vector<Row> gpu_rows([[maybe_unused]] bool software) {
  std::vector<Row> rows;
#ifdef ESRGAN_WITH_VULKAN
  for (const VulkanGpu& gpu : vulkan_gpus(software))
    if (gpu.software == software)
      rows.push_back({"gpu:" + std::to_string(gpu.number),
                      [number = gpu.number](ThreadPool&) { return make_vulkan_device(number); }});
#endif
  return rows;
}

/// The best first. A processor that plays a GPU is slower than our own kernels, and for tests.
std::vector<Row> table() {
  std::vector<Row> rows = gpu_rows(false);
  rows.push_back({"cpu", [](ThreadPool& pool) { return make_cpu_device(pool); }});
  for (Row& row : gpu_rows(true)) rows.push_back(std::move(row));
  rows.push_back({"reference", [](ThreadPool&) { return make_reference_device(); }});
  return rows;
}

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
  for (const Row& row : table()) names.push_back(row.name);
  return names;
}

std::unique_ptr<Device> open_device(std::string_view name, ThreadPool& pool) {
  std::string known;
  if (name == "cpu") return make_cpu_device(pool);  // without a look at what else there is
  if (name == "auto")
    if (const std::vector<Row> gpus = gpu_rows(false); gpus.empty()) return make_cpu_device(pool);
  for (const Row& row : table()) {
    if (name == row.name || name == "auto") return row.open(pool);
    known += (known.empty() ? "" : ", ") + row.name;
  }
  throw Error(ErrorKind::invalid_argument, "", "--device", "auto, " + known, std::string(name));
}

}  // namespace esrgan
