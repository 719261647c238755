// Amounts of memory, as people write and read them.
#pragma once

#include <cstdint>
#include <string>

namespace esrgan {

/// "1G", "512M", "1.5GiB", "800000" -> bytes (units are powers of 1024). Throws Error naming `option`.
uint64_t parse_memory_size(const std::string& text, const std::string& option);

/// 1610612736 -> "1.5 GiB".
std::string format_memory_size(uint64_t bytes);

}  // namespace esrgan
