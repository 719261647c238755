// An opened Vulkan device: memory, pipelines, commands.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "device/vulkan/vulkan_api.h"
#include "device/vulkan/vulkan_device.h"

namespace esrgan::vulkan {

class Context;

/// Who writes and reads a buffer besides shaders.
enum class BufferUse { device, host_writes, host_reads };

/// Memory that shaders see; gone with this. The context must outlive it.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Context& context, uint64_t bytes, BufferUse use);
  Buffer(Buffer&& other) noexcept { *this = std::move(other); }
  Buffer& operator=(Buffer&& other) noexcept;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { release(); }

  VkBuffer handle() const { return buffer_; }
  uint64_t bytes() const { return bytes_; }
  /// Of a buffer that the host writes or reads.
  template <typename T>
  T* data() const {
    return static_cast<T*>(mapped_);
  }

 private:
  void release();

  Context* context_ = nullptr;
  uint64_t bytes_ = 0;
  VkBuffer buffer_ = VK_NULL_HANDLE;
  VkDeviceMemory memory_ = VK_NULL_HANDLE;
  void* mapped_ = nullptr;
};

/// The shaders inside the library.
enum class Shader {
  convolution,
  convolution_half,
  convolution_wide,
  convolution_wide_half,
  frames,
  frames_half,
  matrix,
  matrix_cooperative,
  pointwise,
  pointwise_half
};

/// Some need a younger compiler than others, and are left out without it.
bool has_shader(Shader shader);

/// Values of a shader's specialisation constants, from number 0 on.
using Constants = std::vector<int32_t>;

/// Every shader sees as many buffers, and as many bytes of push constants.
constexpr uint32_t buffers_of_shader = 6;
constexpr uint32_t push_bytes = 128;

/// A part of a buffer, bytes.
struct BufferPart {
  const Buffer* buffer;
  uint64_t begin = 0, size = VK_WHOLE_SIZE;
};

/// The buffers that dispatches see; the buffers must outlive this.
class Bindings {
 public:
  /// For as many dispatches.
  Bindings(Context& context, size_t count);
  Bindings(const Bindings&) = delete;
  Bindings& operator=(const Bindings&) = delete;
  Bindings(Bindings&&) = delete;
  Bindings& operator=(Bindings&&) = delete;
  ~Bindings();

  VkDescriptorSet add(const std::array<BufferPart, buffers_of_shader>& parts);

 private:
  Context& context_;
  VkDescriptorPool pool_ = VK_NULL_HANDLE;
};

/// Commands of one submission; recorded once, submitted often. Each sees what those before it wrote.
class Commands {
 public:
  explicit Commands(Context& context);
  Commands(const Commands&) = delete;
  Commands& operator=(const Commands&) = delete;
  Commands(Commands&&) = delete;
  Commands& operator=(Commands&&) = delete;
  ~Commands();

  /// Fills with zeros.
  void clear(const Buffer& buffer);
  /// As much as both hold, the latter from byte `to` on.
  void copy(const Buffer& from, const Buffer& into, uint64_t to = 0);
  /// `push`: push constants, at most push_bytes.
  void dispatch(Shader shader, const Constants& constants, VkDescriptorSet bindings, const void* push,
                size_t push_size, std::array<uint32_t, 3> groups);
  void end();

  void submit();
  /// Waits until the last submission is done.
  void wait();

 private:
  void wait_for_writes();

  Context& context_;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;
  VkFence fence_ = VK_NULL_HANDLE;
  bool running_ = false;
};

class Context {
 public:
  /// Throws Error.
  explicit Context(VkPhysicalDevice device);
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  Context(Context&&) = delete;
  Context& operator=(Context&&) = delete;
  ~Context();

  const Properties& properties() const { return properties_; }
  void set_trial(VulkanTrial trial) { trial_ = std::move(trial); }
  const VulkanTrial& trial() const { return trial_; }

 private:
  friend class Buffer;
  friend class Bindings;
  friend class Commands;

  VkResult fault(const char* call) const {
    return trial_.fault ? static_cast<VkResult>(trial_.fault(call)) : VK_SUCCESS;
  }
  void make_device();
  void release();
  void keep_cache();
  void make_layouts();
  uint32_t memory_type(uint32_t allowed, BufferUse use) const;
  VkPipeline pipeline(Shader shader, const Constants& constants);

  VkPhysicalDevice physical_;
  Properties properties_;
  VkPhysicalDeviceMemoryProperties memory_{};
  VkDevice device_ = VK_NULL_HANDLE;
  VolkDeviceTable vk_{};
  VkQueue queue_ = VK_NULL_HANDLE;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkDescriptorSetLayout set_layout_ = VK_NULL_HANDLE;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  VkPipelineCache cache_ = VK_NULL_HANDLE;
  std::filesystem::path cache_file_;
  bool compiled_ = false;  // since the cache was read
  std::map<std::pair<Shader, Constants>, VkPipeline> pipelines_;
  VulkanTrial trial_;
};

}  // namespace esrgan::vulkan
