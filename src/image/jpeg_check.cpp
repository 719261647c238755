#include "image/jpeg_check.h"

#include <cstddef>

namespace esrgan {

bool looks_like_jpeg(std::span<const uint8_t> bytes) {
  return bytes.size() >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF;
}

bool jpeg_is_complete(std::span<const uint8_t> bytes) {
  constexpr uint8_t end_of_image = 0xD9;
  size_t position = 2;
  while (position + 1 < bytes.size()) {
    if (bytes[position] != 0xFF) {  // inside the coded data of a scan
      ++position;
      continue;
    }
    const uint8_t marker = bytes[position + 1];
    if (marker == end_of_image) return true;
    const bool stuffing_or_restart = marker == 0x00 || marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7);
    if (marker == 0xFF) {
      ++position;
    } else if (stuffing_or_restart) {
      position += 2;
    } else {
      if (position + 3 >= bytes.size()) return false;
      const size_t length = static_cast<size_t>(bytes[position + 2]) << 8U | bytes[position + 3];
      position += 2 + length;
    }
  }
  return false;
}

}  // namespace esrgan
