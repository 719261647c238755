// Vulkan's functions, found while the program runs: without a loader on the machine there is no device, and
// nothing else changes.
#pragma once

#define VK_NO_PROTOTYPES
#include <volk.h>

#include <string>
#include <vector>

namespace esrgan::vulkan {

/// One of Vulkan's structures: it tells its own type, all else is zero.
template <typename T>
T structure(VkStructureType type) {
  T made{};
  made.sType = type;
  return made;
}

/// Throws Error (out_of_resources where memory is short, DeviceLost where the device is gone) when a call
/// failed.
void check(VkResult result, const char* call);

/// Vulkan of this machine.
struct Instance {
  VkInstance handle = nullptr;  ///< none where there is no loader, or no Vulkan of a version that serves
  std::vector<VkPhysicalDevice> devices;  ///< in the loader's order
};

/// Found once, and never taken down: drivers may be gone before static objects are.
const Instance& instance();

/// What a device is and can do.
struct Properties {
  std::string name;
  std::string vulkan;        ///< the version that the driver knows
  bool software = false;     ///< a processor that plays the part
  bool shares_host = false;  ///< its memory is the machine's
  uint64_t memory = 0;       ///< bytes of the largest heap of its own
  uint64_t largest_buffer = 0;
  uint64_t largest_allocation = 0;
  int lanes = 0;               ///< of a subgroup, as it will be asked for
  bool chooses_lanes = false;  ///< they must be asked for
  bool half = false;           ///< 16-bit numbers in buffers
  bool cooperative = false;    ///< matrices of 16x16 halves, with sums of 32 bits
  bool wide = false;           ///< whole numbers of 64 bits, in subgroups too
  uint32_t queue_family = 0;
  bool serves = false;  ///< has all that the shaders need
};

Properties properties_of(VkPhysicalDevice device);

// Vulkan's headers may be older than matrices (VK_KHR_cooperative_matrix).
constexpr const char* cooperative_matrix_name = "VK_KHR_cooperative_matrix";
struct CooperativeMatrixFeatures {
  VkStructureType sType = static_cast<VkStructureType>(1000506000);
  void* pNext = nullptr;
  VkBool32 cooperativeMatrix = VK_FALSE, cooperativeMatrixRobustBufferAccess = VK_FALSE;
};

}  // namespace esrgan::vulkan
