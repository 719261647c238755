// What drivers made of shaders, kept in the user's cache folder between runs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "device/vulkan/vulkan_api.h"

namespace esrgan::vulkan {

/// The file for a device and its driver: in $XDG_CACHE_HOME/esrgan or $HOME/.cache/esrgan; empty where
/// neither is set.
std::filesystem::path pipeline_cache_file(VkPhysicalDevice device);

/// Empty when there is none that can be read. Drivers check what they are given.
std::vector<uint8_t> read_pipeline_cache(const std::filesystem::path& file);

/// Throws Error.
void keep_pipeline_cache(const std::filesystem::path& file, const std::vector<uint8_t>& bytes);

}  // namespace esrgan::vulkan
