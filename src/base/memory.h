// How much memory the machine can spare, and how to write and read such amounts.
#pragma once

#include <cstdint>
#include <string>

namespace esrgan {

/// Bytes that can be allocated without swapping: the lesser of the kernel's MemAvailable and what the
/// control group (v2 or v1) still allows.
uint64_t available_memory();

/// Bytes of this process that are in memory now.
uint64_t resident_memory();

/// Most bytes that this process ever had in memory.
uint64_t peak_resident_memory();

/// "1G", "512M", "1.5GiB", "800000" -> bytes (units are powers of 1024). Throws Error naming `option`.
uint64_t parse_memory_size(const std::string& text, const std::string& option);

/// 1610612736 -> "1.5 GiB".
std::string format_memory_size(uint64_t bytes);

}  // namespace esrgan
