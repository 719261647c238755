// Weight files that are part of the program.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace esrgan {

/// "builtin:/NAME.safetensors" for every model, in the order of models/builtin.txt. What reads weights takes
/// such a path as any other.
const std::vector<std::string>& builtin_weights();

/// Of the statistics by which naturalness is measured (metrics/naturalness.h), in the same way.
constexpr const char* natural_statistics_path = "builtin:/natural-statistics.safetensors";

/// The bytes of such a file; nothing when `path` is another one. They live as long as the program.
std::optional<std::span<const uint8_t>> builtin_bytes(const std::filesystem::path& path);

}  // namespace esrgan
