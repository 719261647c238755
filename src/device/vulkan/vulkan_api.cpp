#define VOLK_IMPLEMENTATION
#include "device/vulkan/vulkan_api.h"

#include <esrgan/error.h>

#include <algorithm>
#include <cstring>

#include "device/device.h"

namespace esrgan::vulkan {
namespace {

bool has_extension(VkPhysicalDevice device, const char* name) {
  uint32_t count = 0;
  vkEnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> extensions(count);
  vkEnumerateDeviceExtensionProperties(device, nullptr, &count, extensions.data());
  return std::any_of(extensions.begin(), extensions.end(), [&](const VkExtensionProperties& extension) {
    return std::strcmp(extension.extensionName, name) == 0;
  });
}

// As VkCooperativeMatrixPropertiesKHR, its scopes and types.
struct CooperativeMatrix {
  VkStructureType sType = static_cast<VkStructureType>(1000506001);
  void* pNext = nullptr;
  uint32_t rows = 0, columns = 0, depth = 0;
  int32_t a = 0, b = 0, c = 0, result = 0;
  VkBool32 saturates = VK_FALSE;
  int32_t scope = 0;
};
constexpr int32_t type_f16 = 0, type_f32 = 1, scope_subgroup = 3;

/// Products of 16x16 halves by subgroups, with sums of 32 bits.
bool has_matrices(VkPhysicalDevice device) {
  if (!has_extension(device, cooperative_matrix_name)) return false;
  using Get = VkResult(VKAPI_PTR*)(VkPhysicalDevice, uint32_t*, CooperativeMatrix*);
  const auto get = reinterpret_cast<Get>(
      vkGetInstanceProcAddr(instance().handle, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR"));
  uint32_t count = 0;
  if (get == nullptr || get(device, &count, nullptr) < 0) return false;
  std::vector<CooperativeMatrix> matrices(count);
  if (get(device, &count, matrices.data()) < 0) return false;
  return std::any_of(matrices.begin(), matrices.end(), [](const CooperativeMatrix& m) {
    return m.rows == 16 && m.columns == 16 && m.depth == 16 && m.a == type_f16 && m.b == type_f16 &&
           m.c == type_f32 && m.result == type_f32 && m.scope == scope_subgroup;
  });
}

/// The first family that computes, one that does nothing else before others.
bool find_queue_family(VkPhysicalDevice device, uint32_t& family) {
  uint32_t count = 0;
  vkGetPhysicalDeviceQueueFamilyProperties(device, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  vkGetPhysicalDeviceQueueFamilyProperties(device, &count, families.data());
  bool found = false;
  for (uint32_t i = count; i-- > 0;) {
    const VkQueueFlags flags = families[i].queueFlags;
    if ((flags & VK_QUEUE_COMPUTE_BIT) == 0) continue;
    if (found && (flags & VK_QUEUE_GRAPHICS_BIT) != 0) continue;
    found = true;
    family = i;
  }
  return found;
}

Instance find_instance() {
  if (volkInitialize() != VK_SUCCESS || volkGetInstanceVersion() < VK_API_VERSION_1_2) return {};
  auto application = structure<VkApplicationInfo>(VK_STRUCTURE_TYPE_APPLICATION_INFO);
  application.pApplicationName = "esrgan";
  application.apiVersion = VK_API_VERSION_1_2;
  auto info = structure<VkInstanceCreateInfo>(VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO);
  info.pApplicationInfo = &application;
  Instance found;
  if (vkCreateInstance(&info, nullptr, &found.handle) != VK_SUCCESS) return {};
  volkLoadInstanceOnly(found.handle);
  uint32_t count = 0;
  vkEnumeratePhysicalDevices(found.handle, &count, nullptr);
  found.devices.resize(count);
  if (vkEnumeratePhysicalDevices(found.handle, &count, found.devices.data()) < 0) count = 0;
  found.devices.resize(count);
  return found;
}

}  // namespace

void check(VkResult result, const char* call) {
  if (result >= 0) return;
  if (result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY)
    throw Error(ErrorKind::out_of_resources, "", "the GPU's memory does not suffice", "", call);
  if (result == VK_ERROR_DEVICE_LOST) throw DeviceLost("the GPU stopped answering");
  throw DeviceLost(std::string("the GPU's driver failed: ") + call + " gave " + std::to_string(result));
}

const Instance& instance() {
  static const Instance found = find_instance();
  return found;
}

Properties properties_of(VkPhysicalDevice device) {
  auto sizes = structure<VkPhysicalDeviceSubgroupSizeControlPropertiesEXT>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES_EXT);
  auto largest = structure<VkPhysicalDeviceMaintenance3Properties>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES);
  auto subgroup =
      structure<VkPhysicalDeviceSubgroupProperties>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES);
  auto all = structure<VkPhysicalDeviceProperties2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2);
  const bool sizes_known = has_extension(device, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME);
  all.pNext = &subgroup;
  subgroup.pNext = &largest;
  if (sizes_known) largest.pNext = &sizes;
  vkGetPhysicalDeviceProperties2(device, &all);

  auto storage = structure<VkPhysicalDevice16BitStorageFeatures>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES);
  CooperativeMatrixFeatures matrices;
  auto model = structure<VkPhysicalDeviceVulkanMemoryModelFeatures>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES);
  auto arithmetic = structure<VkPhysicalDeviceShaderFloat16Int8Features>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES);
  auto control = structure<VkPhysicalDeviceSubgroupSizeControlFeaturesEXT>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT);
  auto features = structure<VkPhysicalDeviceFeatures2>(VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2);
  auto types = structure<VkPhysicalDeviceShaderSubgroupExtendedTypesFeatures>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SUBGROUP_EXTENDED_TYPES_FEATURES);
  features.pNext = &storage;
  storage.pNext = &types;
  types.pNext = &model;
  model.pNext = &arithmetic;
  const bool matrices_known = has_matrices(device);
  if (matrices_known) arithmetic.pNext = &matrices;
  matrices.pNext = sizes_known ? &control : nullptr;
  if (!matrices_known) arithmetic.pNext = matrices.pNext;
  vkGetPhysicalDeviceFeatures2(device, &features);

  Properties found;
  const VkPhysicalDeviceProperties& known = all.properties;
  found.name = known.deviceName;
  found.vulkan = std::to_string(VK_API_VERSION_MAJOR(known.apiVersion)) + "." +
                 std::to_string(VK_API_VERSION_MINOR(known.apiVersion));
  found.software = known.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
  found.shares_host = found.software || known.deviceType == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU;
  VkPhysicalDeviceMemoryProperties memory{};
  vkGetPhysicalDeviceMemoryProperties(device, &memory);
  for (uint32_t i = 0; i < memory.memoryHeapCount; ++i)
    if ((memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) != 0)
      found.memory = std::max<uint64_t>(found.memory, memory.memoryHeaps[i].size);
  found.largest_buffer = known.limits.maxStorageBufferRange;
  found.largest_allocation = largest.maxMemoryAllocationSize;
  found.lanes = static_cast<int>(subgroup.subgroupSize);
  constexpr uint32_t usual = 32;
  if (sizes_known && control.subgroupSizeControl == VK_TRUE && control.computeFullSubgroups == VK_TRUE &&
      (sizes.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT) != 0) {
    found.lanes = static_cast<int>(std::clamp(usual, sizes.minSubgroupSize, sizes.maxSubgroupSize));
    found.chooses_lanes = true;
  }
  found.wide = features.features.shaderInt64 == VK_TRUE && types.shaderSubgroupExtendedTypes == VK_TRUE;
  found.cooperative = matrices.cooperativeMatrix == VK_TRUE && model.vulkanMemoryModel == VK_TRUE &&
                      arithmetic.shaderFloat16 == VK_TRUE && found.chooses_lanes;
  found.half = storage.storageBuffer16BitAccess == VK_TRUE;
  constexpr VkSubgroupFeatureFlags needed = VK_SUBGROUP_FEATURE_BASIC_BIT | VK_SUBGROUP_FEATURE_BALLOT_BIT;
  found.serves = known.apiVersion >= VK_API_VERSION_1_2 && find_queue_family(device, found.queue_family) &&
                 (subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) != 0 &&
                 (subgroup.supportedOperations & needed) == needed && found.lanes >= 8;
  return found;
}

}  // namespace esrgan::vulkan
