#include "base/platform_control_groups.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "base/platform_file.h"

namespace esrgan {
namespace {

namespace fs = std::filesystem;

/// The first number of a file; nothing when it is absent, or says "max" or -1.
std::optional<double> read_number(const fs::path& path) {
  std::ifstream file = open_system_text(path);
  double value = 0;
  if (file >> value && value >= 0) return value;
  return std::nullopt;
}

/// Folders of a group and of those around it: base/a/b, base/a, base.
std::vector<fs::path> folders_of(const fs::path& base, fs::path group) {
  std::vector<fs::path> folders;
  group = group.relative_path();
  for (;; group = group.parent_path()) {
    folders.push_back(group.empty() ? base : base / group);
    if (group.empty()) return folders;
  }
}

void limit_memory(ControlGroupLimits& limits, const fs::path& most_file, const fs::path& used_file) {
  const auto most = read_number(most_file), used = read_number(used_file);
  constexpr double no_limit = 9e18;  // what version 1 says instead of "max"
  if (most && used && *most < no_limit)
    limits.memory = std::min(limits.memory, static_cast<uint64_t>(std::max(0.0, *most - *used)));
}

void limit_processors(ControlGroupLimits& limits, double quota, double period) {
  if (quota > 0 && period > 0) limits.processors = std::min(limits.processors, quota / period);
}

void read_version_2(ControlGroupLimits& limits, const fs::path& folder) {
  limit_memory(limits, folder / "memory.max", folder / "memory.current");
  std::ifstream file = open_system_text(folder / "cpu.max");  // "200000 100000" or "max 100000"
  double quota = 0, period = 0;
  if (file >> quota >> period) limit_processors(limits, quota, period);
}

}  // namespace

ControlGroupLimits control_group_limits(const fs::path& root) {
  ControlGroupLimits limits;
  const fs::path base = root / "sys/fs/cgroup";
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "0::/a/b", or of version 1 "4:cpu,cpuacct:/a/b"
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const fs::path group = line.substr(second + 1);
    if (controllers == ",,")
      for (const fs::path& folder : folders_of(base, group)) read_version_2(limits, folder);
    if (controllers.find(",memory,") != std::string::npos)
      for (const fs::path& folder : folders_of(base / "memory", group))
        limit_memory(limits, folder / "memory.limit_in_bytes", folder / "memory.usage_in_bytes");
    if (controllers.find(",cpu,") != std::string::npos)
      for (const fs::path& folder : folders_of(base / "cpu", group))
        if (const auto quota = read_number(folder / "cpu.cfs_quota_us"))
          limit_processors(limits, *quota, read_number(folder / "cpu.cfs_period_us").value_or(0));
  }
  return limits;
}

}  // namespace esrgan
