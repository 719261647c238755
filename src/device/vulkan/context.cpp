#include "device/vulkan/context.h"

#include <esrgan/error.h>

#include <algorithm>
#include <iterator>
#include <span>

#include "device/vulkan/pipeline_cache.h"

// A line for each shader: ESRGAN_SHADER(name), with the labels of its first word and of its end.
#define ESRGAN_SHADER(name)                                 \
  extern "C" const uint32_t esrgan_shader_##name##_begin[]; \
  extern "C" const uint32_t esrgan_shader_##name##_end[];
#include "device/vulkan/shaders.inc"
#undef ESRGAN_SHADER

namespace esrgan::vulkan {
namespace {

constexpr VkPipelineStageFlags working_stages =
    VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;

std::span<const uint32_t> words_of(Shader shader) {
  static constexpr auto until = [](const uint32_t* begin, const uint32_t* end) {
    return std::span<const uint32_t>(begin, static_cast<size_t>(end - begin));
  };
#define ESRGAN_SHADER(name) \
  if (shader == Shader::name) return until(esrgan_shader_##name##_begin, esrgan_shader_##name##_end);
#include "device/vulkan/shaders.inc"
#undef ESRGAN_SHADER
  return {};
}

}  // namespace

bool has_shader(Shader shader) {
  return !words_of(shader).empty();
}

// ---- memory ----

Buffer::Buffer(Context& context, uint64_t bytes, BufferUse use)
    : context_(&context), bytes_(std::max<uint64_t>(bytes, 4)) {
  try {
    auto info = structure<VkBufferCreateInfo>(VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO);
    info.size = bytes_;
    info.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                 VK_BUFFER_USAGE_TRANSFER_DST_BIT;
    check(context.vk_.vkCreateBuffer(context.device_, &info, nullptr, &buffer_), "vkCreateBuffer");
    VkMemoryRequirements needed{};
    context.vk_.vkGetBufferMemoryRequirements(context.device_, buffer_, &needed);
    auto allocation = structure<VkMemoryAllocateInfo>(VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO);
    allocation.allocationSize = needed.size;
    allocation.memoryTypeIndex = context.memory_type(needed.memoryTypeBits, use);
    check(context.fault("memory"), "vkAllocateMemory");
    check(context.vk_.vkAllocateMemory(context.device_, &allocation, nullptr, &memory_), "vkAllocateMemory");
    check(context.vk_.vkBindBufferMemory(context.device_, buffer_, memory_, 0), "vkBindBufferMemory");
    if (use != BufferUse::device)
      check(context.vk_.vkMapMemory(context.device_, memory_, 0, VK_WHOLE_SIZE, 0, &mapped_), "vkMapMemory");
  } catch (...) {
    release();
    throw;
  }
}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this == &other) return *this;
  release();
  context_ = std::exchange(other.context_, nullptr);
  bytes_ = std::exchange(other.bytes_, 0);
  buffer_ = std::exchange(other.buffer_, VkBuffer{});
  memory_ = std::exchange(other.memory_, VkDeviceMemory{});
  mapped_ = std::exchange(other.mapped_, nullptr);
  return *this;
}

void Buffer::release() {
  if (context_ == nullptr) return;
  context_->vk_.vkDestroyBuffer(context_->device_, buffer_, nullptr);
  context_->vk_.vkFreeMemory(context_->device_, memory_, nullptr);
  context_ = nullptr;
}

uint32_t Context::memory_type(uint32_t allowed, BufferUse use) const {
  const VkMemoryPropertyFlags needed =
      use == BufferUse::device ? VkMemoryPropertyFlags{VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT}
                               : VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  const VkMemoryPropertyFlags wanted =
      needed | (use == BufferUse::host_reads ? VkMemoryPropertyFlags{VK_MEMORY_PROPERTY_HOST_CACHED_BIT} : 0);
  for (const VkMemoryPropertyFlags flags : {wanted, needed, VkMemoryPropertyFlags{0}})
    for (uint32_t i = 0; i < memory_.memoryTypeCount; ++i)
      if ((allowed & (1U << i)) != 0 && (memory_.memoryTypes[i].propertyFlags & flags) == flags) return i;
  throw Error(ErrorKind::unsupported, "", "the GPU has no memory of the kind that is needed");
}

// ---- bindings ----

Bindings::Bindings(Context& context, size_t count) : context_(context) {
  const auto sets = static_cast<uint32_t>(count);
  const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, buffers_of_shader * sets};
  auto pool = structure<VkDescriptorPoolCreateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO);
  pool.maxSets = sets;
  pool.poolSizeCount = 1;
  pool.pPoolSizes = &size;
  check(context_.vk_.vkCreateDescriptorPool(context_.device_, &pool, nullptr, &pool_),
        "vkCreateDescriptorPool");
}

VkDescriptorSet Bindings::add(const std::array<BufferPart, buffers_of_shader>& parts) {
  auto allocation = structure<VkDescriptorSetAllocateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO);
  allocation.descriptorPool = pool_;
  allocation.descriptorSetCount = 1;
  allocation.pSetLayouts = &context_.set_layout_;
  VkDescriptorSet set = VK_NULL_HANDLE;
  check(context_.vk_.vkAllocateDescriptorSets(context_.device_, &allocation, &set),
        "vkAllocateDescriptorSets");
  std::array<VkDescriptorBufferInfo, buffers_of_shader> infos{};
  std::array<VkWriteDescriptorSet, buffers_of_shader> writes{};
  for (uint32_t i = 0; i < buffers_of_shader; ++i) {
    infos[i] = {parts[i].buffer->handle(), parts[i].begin, parts[i].size};
    writes[i].sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET;
    writes[i].dstSet = set;
    writes[i].dstBinding = i;
    writes[i].descriptorCount = 1;
    writes[i].descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    writes[i].pBufferInfo = &infos[i];
  }
  context_.vk_.vkUpdateDescriptorSets(context_.device_, buffers_of_shader, writes.data(), 0, nullptr);
  return set;
}

Bindings::~Bindings() {
  context_.vk_.vkDestroyDescriptorPool(context_.device_, pool_, nullptr);
}

// ---- commands ----

Commands::Commands(Context& context) : context_(context) {
  auto allocation = structure<VkCommandBufferAllocateInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO);
  allocation.commandPool = context_.pool_;
  allocation.commandBufferCount = 1;
  check(context_.vk_.vkAllocateCommandBuffers(context_.device_, &allocation, &commands_),
        "vkAllocateCommandBuffers");
  auto fence = structure<VkFenceCreateInfo>(VK_STRUCTURE_TYPE_FENCE_CREATE_INFO);
  auto begin = structure<VkCommandBufferBeginInfo>(VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO);
  VkResult result = context_.vk_.vkCreateFence(context_.device_, &fence, nullptr, &fence_);
  if (result >= 0) result = context_.vk_.vkBeginCommandBuffer(commands_, &begin);
  if (result >= 0) return;
  context_.vk_.vkDestroyFence(context_.device_, fence_, nullptr);
  context_.vk_.vkFreeCommandBuffers(context_.device_, context_.pool_, 1, &commands_);
  check(result, "vkBeginCommandBuffer");
}

Commands::~Commands() {
  if (running_)  // whatever comes of it
    context_.vk_.vkWaitForFences(context_.device_, 1, &fence_, VK_TRUE, UINT64_MAX);
  context_.vk_.vkDestroyFence(context_.device_, fence_, nullptr);
  context_.vk_.vkFreeCommandBuffers(context_.device_, context_.pool_, 1, &commands_);
}

void Commands::clear(const Buffer& buffer) {
  wait_for_writes();
  context_.vk_.vkCmdFillBuffer(commands_, buffer.handle(), 0, VK_WHOLE_SIZE, 0);
}

void Commands::copy(const Buffer& from, const Buffer& into, uint64_t to) {
  wait_for_writes();
  const VkBufferCopy region{0, to, std::min(from.bytes(), into.bytes() - to)};
  context_.vk_.vkCmdCopyBuffer(commands_, from.handle(), into.handle(), 1, &region);
}

void Commands::wait_for_writes() {
  auto barrier = structure<VkMemoryBarrier>(VK_STRUCTURE_TYPE_MEMORY_BARRIER);
  barrier.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
  barrier.dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
                          VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
  context_.vk_.vkCmdPipelineBarrier(commands_, working_stages, working_stages, 0, 1, &barrier, 0, nullptr, 0,
                                    nullptr);
}

void Commands::dispatch(Shader shader, const Constants& constants, VkDescriptorSet bindings, const void* push,
                        size_t push_size, std::array<uint32_t, 3> groups) {
  const VolkDeviceTable& vk = context_.vk_;
  wait_for_writes();
  vk.vkCmdBindPipeline(commands_, VK_PIPELINE_BIND_POINT_COMPUTE, context_.pipeline(shader, constants));
  vk.vkCmdBindDescriptorSets(commands_, VK_PIPELINE_BIND_POINT_COMPUTE, context_.layout_, 0, 1, &bindings, 0,
                             nullptr);
  vk.vkCmdPushConstants(commands_, context_.layout_, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                        static_cast<uint32_t>(push_size), push);
  vk.vkCmdDispatch(commands_, groups[0], groups[1], groups[2]);
}

void Commands::end() {
  auto barrier = structure<VkMemoryBarrier>(VK_STRUCTURE_TYPE_MEMORY_BARRIER);
  barrier.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
  barrier.dstAccessMask = VK_ACCESS_HOST_READ_BIT;
  context_.vk_.vkCmdPipelineBarrier(commands_, working_stages, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0,
                                    nullptr, 0, nullptr);
  check(context_.vk_.vkEndCommandBuffer(commands_), "vkEndCommandBuffer");
}

void Commands::submit() {
  check(context_.fault("submit"), "vkQueueSubmit");
  auto info = structure<VkSubmitInfo>(VK_STRUCTURE_TYPE_SUBMIT_INFO);
  info.commandBufferCount = 1;
  info.pCommandBuffers = &commands_;
  check(context_.vk_.vkResetFences(context_.device_, 1, &fence_), "vkResetFences");
  check(context_.vk_.vkQueueSubmit(context_.queue_, 1, &info, fence_), "vkQueueSubmit");
  running_ = true;
}

void Commands::wait() {
  if (!running_) return;
  check(context_.vk_.vkWaitForFences(context_.device_, 1, &fence_, VK_TRUE, UINT64_MAX), "vkWaitForFences");
  running_ = false;
}

// ---- the device ----

Context::Context(VkPhysicalDevice device) : physical_(device), properties_(properties_of(device)) {
  vkGetPhysicalDeviceMemoryProperties(physical_, &memory_);
  try {
    make_device();
    make_layouts();
  } catch (...) {
    release();
    throw;
  }
}

void Context::make_device() {
  const float priority = 1;
  auto queue = structure<VkDeviceQueueCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO);
  queue.queueFamilyIndex = properties_.queue_family;
  queue.queueCount = 1;
  queue.pQueuePriorities = &priority;
  auto storage = structure<VkPhysicalDevice16BitStorageFeatures>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES);
  storage.storageBuffer16BitAccess = properties_.half ? VK_TRUE : VK_FALSE;
  auto control = structure<VkPhysicalDeviceSubgroupSizeControlFeaturesEXT>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT);
  control.subgroupSizeControl = control.computeFullSubgroups = VK_TRUE;
  auto types = structure<VkPhysicalDeviceShaderSubgroupExtendedTypesFeatures>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SUBGROUP_EXTENDED_TYPES_FEATURES);
  types.shaderSubgroupExtendedTypes = properties_.wide ? VK_TRUE : VK_FALSE;
  VkPhysicalDeviceFeatures features{};
  features.shaderInt64 = types.shaderSubgroupExtendedTypes;
  storage.pNext = &types;
  auto model = structure<VkPhysicalDeviceVulkanMemoryModelFeatures>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES);
  model.vulkanMemoryModel = VK_TRUE;
  auto arithmetic = structure<VkPhysicalDeviceShaderFloat16Int8Features>(
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES);
  arithmetic.shaderFloat16 = VK_TRUE;
  CooperativeMatrixFeatures matrices;
  matrices.cooperativeMatrix = VK_TRUE;
  std::vector<const char*> extensions;
  if (properties_.chooses_lanes) {
    extensions.push_back(VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME);
    types.pNext = &control;
  }
  if (properties_.cooperative) {
    extensions.push_back(cooperative_matrix_name);
    control.pNext = &model;
    model.pNext = &arithmetic;
    arithmetic.pNext = &matrices;
  }
  auto info = structure<VkDeviceCreateInfo>(VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO);
  info.pNext = &storage;
  info.pEnabledFeatures = &features;
  info.queueCreateInfoCount = 1;
  info.pQueueCreateInfos = &queue;
  info.enabledExtensionCount = static_cast<uint32_t>(extensions.size());
  info.ppEnabledExtensionNames = extensions.data();
  check(vkCreateDevice(physical_, &info, nullptr, &device_), "vkCreateDevice");
  volkLoadDeviceTable(&vk_, device_);
  vk_.vkGetDeviceQueue(device_, properties_.queue_family, 0, &queue_);
}

void Context::make_layouts() {
  std::array<VkDescriptorSetLayoutBinding, buffers_of_shader> bindings{};
  for (uint32_t i = 0; i < buffers_of_shader; ++i)
    bindings[i] = {i, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr};
  auto set = structure<VkDescriptorSetLayoutCreateInfo>(VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO);
  set.bindingCount = buffers_of_shader;
  set.pBindings = bindings.data();
  check(vk_.vkCreateDescriptorSetLayout(device_, &set, nullptr, &set_layout_), "vkCreateDescriptorSetLayout");
  const VkPushConstantRange push{VK_SHADER_STAGE_COMPUTE_BIT, 0, push_bytes};
  auto layout = structure<VkPipelineLayoutCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO);
  layout.setLayoutCount = 1;
  layout.pSetLayouts = &set_layout_;
  layout.pushConstantRangeCount = 1;
  layout.pPushConstantRanges = &push;
  check(vk_.vkCreatePipelineLayout(device_, &layout, nullptr, &layout_), "vkCreatePipelineLayout");
  auto pool = structure<VkCommandPoolCreateInfo>(VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO);
  pool.queueFamilyIndex = properties_.queue_family;
  check(vk_.vkCreateCommandPool(device_, &pool, nullptr, &pool_), "vkCreateCommandPool");
  cache_file_ = pipeline_cache_file(physical_);
  const std::vector<uint8_t> kept = read_pipeline_cache(cache_file_);
  auto cache = structure<VkPipelineCacheCreateInfo>(VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO);
  cache.initialDataSize = kept.size();
  cache.pInitialData = kept.data();
  check(vk_.vkCreatePipelineCache(device_, &cache, nullptr, &cache_), "vkCreatePipelineCache");
}

Context::~Context() {
  release();
}

void Context::release() {
  if (device_ == VK_NULL_HANDLE) return;
  vk_.vkDeviceWaitIdle(device_);
  keep_cache();
  for (const auto& [key, pipeline] : pipelines_) vk_.vkDestroyPipeline(device_, pipeline, nullptr);
  vk_.vkDestroyPipelineCache(device_, cache_, nullptr);
  vk_.vkDestroyCommandPool(device_, pool_, nullptr);
  vk_.vkDestroyPipelineLayout(device_, layout_, nullptr);
  vk_.vkDestroyDescriptorSetLayout(device_, set_layout_, nullptr);
  vk_.vkDestroyDevice(device_, nullptr);
}

/// When there is something new in it. No failure of this is worth a word: the next run compiles again.
void Context::keep_cache() {
  size_t size = 0;
  if (!compiled_ || vk_.vkGetPipelineCacheData(device_, cache_, &size, nullptr) != VK_SUCCESS) return;
  try {
    std::vector<uint8_t> bytes(size);
    if (vk_.vkGetPipelineCacheData(device_, cache_, &size, bytes.data()) != VK_SUCCESS) return;
    bytes.resize(size);
    if (bytes != read_pipeline_cache(cache_file_)) keep_pipeline_cache(cache_file_, bytes);
  } catch (...) {
  }
}

VkPipeline Context::pipeline(Shader shader, const Constants& constants) {
  VkPipeline& pipeline = pipelines_[{shader, constants}];
  if (pipeline != VK_NULL_HANDLE) return pipeline;
  const std::span<const uint32_t> words = words_of(shader);
  auto code = structure<VkShaderModuleCreateInfo>(VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO);
  code.codeSize = words.size_bytes();
  code.pCode = words.data();
  VkShaderModule module = VK_NULL_HANDLE;
  check(vk_.vkCreateShaderModule(device_, &code, nullptr, &module), "vkCreateShaderModule");
  std::vector<VkSpecializationMapEntry> entries;
  for (uint32_t i = 0; i < constants.size(); ++i)
    entries.push_back({i, i * static_cast<uint32_t>(sizeof(int32_t)), sizeof(int32_t)});
  const VkSpecializationInfo values{static_cast<uint32_t>(entries.size()), entries.data(),
                                    constants.size() * sizeof(int32_t), constants.data()};
  auto lanes = structure<VkPipelineShaderStageRequiredSubgroupSizeCreateInfoEXT>(
      VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO_EXT);
  lanes.requiredSubgroupSize = static_cast<uint32_t>(properties_.lanes);
  auto info = structure<VkComputePipelineCreateInfo>(VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO);
  info.stage.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
  info.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
  info.stage.module = module;
  info.stage.pName = "main";
  info.stage.pSpecializationInfo = &values;
  if (properties_.chooses_lanes) {
    info.stage.pNext = &lanes;
    info.stage.flags = VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT_EXT;
  }
  info.layout = layout_;
  const VkResult result = vk_.vkCreateComputePipelines(device_, cache_, 1, &info, nullptr, &pipeline);
  vk_.vkDestroyShaderModule(device_, module, nullptr);
  check(result, "vkCreateComputePipelines");
  compiled_ = true;
  return pipeline;
}

}  // namespace esrgan::vulkan
