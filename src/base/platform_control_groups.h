// What a container may use: Linux control groups, both versions.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>

namespace esrgan {

struct ControlGroupLimits {
  double processors = std::numeric_limits<double>::infinity();  ///< of time, on average
  uint64_t memory = std::numeric_limits<uint64_t>::max();       ///< bytes that are left
};

/// The tightest limits of this process's group and of those around it; none where there are no groups. `root`
/// is for tests: the folder in which proc/self/cgroup and sys/fs/cgroup lie. Source: Linux,
/// Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst; scheduler/sched-bwc.rst.
ControlGroupLimits control_group_limits(const std::filesystem::path& root = "/");

}  // namespace esrgan
