// Vulkan's functions, found while the program runs: without a loader on the machine there is no device, and
// nothing else changes.
#pragma once

#define VK_NO_PROTOTYPES
#include <volk.h>

#include <memory>
#include <string>
#include <vector>

namespace esrgan::vulkan {

/// Throws Error (out_of_resources where memory is short, DeviceLost where the device is gone) when a call
/// failed.
void check(VkResult result, const char* call);

/// Vulkan of this machine, found once.
class Instance {
 public:
  /// None where there is no loader, or no Vulkan of a version that serves.
  static std::shared_ptr<const Instance> get();

  explicit Instance(VkInstance instance);
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  Instance(Instance&&) = delete;
  Instance& operator=(Instance&&) = delete;
  ~Instance();

  VkInstance handle() const { return instance_; }
  /// In the loader's order.
  const std::vector<VkPhysicalDevice>& devices() const { return devices_; }

 private:
  VkInstance instance_;
  std::vector<VkPhysicalDevice> devices_;
};

/// What a device is and can do.
struct Properties {
  std::string name, driver;
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

Properties properties_of(VkInstance instance, VkPhysicalDevice device);

// Vulkan's headers may be older than matrices (VK_KHR_cooperative_matrix).
constexpr const char* cooperative_matrix_name = "VK_KHR_cooperative_matrix";
struct CooperativeMatrixFeatures {
  VkStructureType sType = static_cast<VkStructureType>(1000506000);
  void* pNext = nullptr;
  VkBool32 cooperativeMatrix = VK_FALSE, cooperativeMatrixRobustBufferAccess = VK_FALSE;
};

}  // namespace esrgan::vulkan
