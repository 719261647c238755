// GPUs by Vulkan, and processors that play one.
#pragma once

#include <functional>
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

/// For tests.
struct VulkanTrial {
  /// Asked before memory is taken ("memory") and before work is handed over ("submit"); what is not 0 is the
  /// VkResult that the call gives.
  std::function<int(const std::string& call)> fault;
  bool plain_matrices = false;  ///< half precision by matrix.comp in plain arithmetic
  bool wrong_matrices = false;  ///< and its results are taken for wrong
  bool wrong_frames = false;    ///< frames are taken to be converted wrongly
  bool wrong = false;           ///< all results are taken for wrong
};

/// Throws Error when it cannot be opened.
std::unique_ptr<Device> make_vulkan_device(int number, VulkanTrial trial = {});

}  // namespace esrgan
