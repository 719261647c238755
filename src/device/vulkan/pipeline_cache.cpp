#include "device/vulkan/pipeline_cache.h"

#include <esrgan/error.h>

#include <optional>
#include <string>
#include <system_error>

#include "base/file.h"
#include "base/platform_process.h"

namespace esrgan::vulkan {

std::filesystem::path pipeline_cache_file(VkPhysicalDevice device) {
  std::filesystem::path folder;
  if (const std::optional<std::string> caches = environment_variable("XDG_CACHE_HOME"))
    folder = *caches;
  else if (const std::optional<std::string> home = environment_variable("HOME"))
    folder = std::filesystem::path(*home) / ".cache";
  else
    return {};
  VkPhysicalDeviceProperties properties{};
  vkGetPhysicalDeviceProperties(device, &properties);
  std::string name = "vulkan-";
  for (const uint8_t byte : properties.pipelineCacheUUID) {
    constexpr const char* digits = "0123456789abcdef";
    name += digits[byte >> 4U];
    name += digits[byte & 15U];
  }
  return folder / "esrgan" / (name + ".bin");
}

std::vector<uint8_t> read_pipeline_cache(const std::filesystem::path& file) {
  std::error_code unknown;
  if (file.empty() || !std::filesystem::is_regular_file(file, unknown)) return {};
  try {
    const MappedFile mapped(file);
    return {mapped.bytes().begin(), mapped.bytes().end()};
  } catch (const Error&) {
    return {};
  }
}

void keep_pipeline_cache(const std::filesystem::path& file, const std::vector<uint8_t>& bytes) {
  if (file.empty() || bytes.empty()) return;
  std::error_code failure;
  std::filesystem::create_directories(file.parent_path(), failure);
  if (failure) return;
  OutputFile out(file.string());
  out.write(bytes);
  out.commit();
}

}  // namespace esrgan::vulkan
