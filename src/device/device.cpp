#include "device/device.h"

#include <esrgan/error.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "base/log.h"
#include "device/cpu/cpu_device.h"
#include "device/reference/reference_device.h"
#include "device/team.h"
#ifdef ESRGAN_WITH_VULKAN
#include "device/vulkan/vulkan_device.h"
#endif

namespace esrgan {
namespace {

struct Row {
  std::string name;
  std::function<std::unique_ptr<Device>(ThreadPool& pool)> open;
};

/// The best first. A processor that plays a GPU is slower than our own kernels, and for tests; without a wish
/// for it nothing is loaded where there can be no other.
std::vector<Row> table([[maybe_unused]] bool with_software) {
  std::vector<Row> rows, software;
#ifdef ESRGAN_WITH_VULKAN
  for (const VulkanGpu& gpu : vulkan_gpus(with_software))
    (gpu.software ? software : rows)
        .push_back({"gpu:" + std::to_string(gpu.number),
                    [number = gpu.number](ThreadPool&) { return make_vulkan_device(number); }});
#endif
  rows.push_back({"cpu", [](ThreadPool& pool) { return make_cpu_device(pool); }});
  for (Row& row : software) rows.push_back(std::move(row));
  rows.push_back({"reference", [](ThreadPool&) { return make_reference_device(); }});
  return rows;
}

/// Of hints: what fails here fails again where it is told.
void unless_it_fails(const std::function<void()>& hint) {
  try {
    hint();
  } catch (...) {
  }
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

bool Executor::takes(const FrameFormats& formats) const {
  return converts_frames() && in_channels_ == 3 && out_channels_ == 3 &&
         formats.in.width % input_multiple_ == 0 && formats.in.height % input_multiple_ == 0 &&
         formats.out.width == formats.in.width * scale_ && formats.out.height == formats.in.height * scale_;
}

bool Executor::run_frame(const FramePlanes& in, const FramePlanes& out,
                         const std::shared_ptr<const FrameFormats>& formats, const RunControl& control) {
  return takes(*formats) && run_frame_checked(in, out, formats, control);
}

void Executor::announce(const float* in, int width, int height) {
  unless_it_fails([&] { announce_checked(in, width, height); });
}

void Executor::announce_frame(const FramePlanes& in, const std::shared_ptr<const FrameFormats>& formats) {
  if (takes(*formats)) unless_it_fails([&] { announce_frame_checked(in, formats); });
}

void Executor::withdraw() {
  unless_it_fails([&] { withdraw_checked(); });
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
  for (const Row& row : table(true)) names.push_back(row.name);
  return names;
}

std::unique_ptr<Device> open_device(std::string_view names, ThreadPool& pool) {
  if (names == "cpu") return make_cpu_device(pool);  // without a look at what else there is
  const std::vector<Row> rows = table(names != "auto");
  if (names == "auto" && rows.front().name == "cpu") return make_cpu_device(pool);
  const auto open = [&](std::string_view name) {
    const auto is_meant = [&](const Row& row) {
      return name == row.name || name == "auto" || (name == "gpu" && row.name.starts_with("gpu:"));
    };
    const auto row = std::find_if(rows.begin(), rows.end(), is_meant);
    if (row != rows.end()) return row->open(pool);
    std::string known = "auto";
    for (const Row& there : rows) known += ", " + there.name;
    throw Error(ErrorKind::invalid_argument, "", "--device", known, std::string(name));
  };
  if (names == "auto") {
    try {
      std::vector<std::unique_ptr<Device>> best;
      best.push_back(open(names));
      return make_team(std::move(best), make_cpu_device(pool));
    } catch (const Error& error) {
      log_warning(std::string(error.what()) + "; the processor computes");
      return make_cpu_device(pool);
    }
  }
  std::vector<std::unique_ptr<Device>> opened;
  for (size_t begin = 0; begin <= names.size();) {
    const size_t end = std::min(names.find(',', begin), names.size());
    opened.push_back(open(names.substr(begin, end - begin)));
    begin = end + 1;
  }
  // Those without memory of their own cannot be lost.
  if (opened.size() == 1 && opened[0]->memory() == 0) return std::move(opened[0]);
  return make_team(std::move(opened), make_cpu_device(pool));
}

}  // namespace esrgan
