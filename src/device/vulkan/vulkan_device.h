// GPUs by Vulkan, and processors that play one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "device/device.h"

namespace esrgan {

/// A GPU that can be opened.
struct VulkanGpu {
  int number = 0;         ///< from 0 on, as --device counts
  bool software = false;  ///< a processor that plays one
};

/// None without a Vulkan loader. Does not look where there can be none but software ones, if those are not
/// wanted.
std::vector<VulkanGpu> vulkan_gpus(bool with_software);

/// Throws Error when it cannot be opened.
std::unique_ptr<Device> make_vulkan_device(int number);

}  // namespace esrgan
