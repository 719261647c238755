// What can compute on this machine.
#include <esrgan/upscaler.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/memory.h"
#include "cli/session.h"

namespace esrgan::cli {
namespace {

struct DevicesCommand {
  bool json = false;

  int run() const {
    if (json)
      print_all_as_json();
    else
      print_all();
    return all_done;
  }

 private:
  static void print_all_as_json() {
    nlohmann::ordered_json document = nlohmann::ordered_json::array();
    for (const DeviceInfo& device : devices())
      document.push_back({{"name", device.name},
                          {"description", device.description},
                          {"half", device.half},
                          {"half_is_faster", device.half_is_faster},
                          {"memory", device.memory}});
    print_json(document);
  }

  static void print_all() {
    for (const DeviceInfo& device : devices())
      std::printf(
          "%-10s %s%s%s\n", device.name.c_str(), device.description.c_str(),
          device.half ? (device.half_is_faster ? ", half precision" : ", half precision (slower)") : "",
          device.memory > 0 ? (", " + format_memory_size(device.memory)).c_str() : "");
  }
};

}  // namespace

void add_devices(CLI::App& app, Action& action) {
  auto command = std::make_shared<DevicesCommand>();
  CLI::App* sub = app.add_subcommand("devices", "List what can compute on this machine, the best first");
  sub->add_flag("--json", command->json, "Print as JSON");
  sub->callback([command, &action] { action = [command] { return command->run(); }; });
}

}  // namespace esrgan::cli
