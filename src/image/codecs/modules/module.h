// What the codec modules share. A module links its format's library and nothing of this project, so all is in
// here.
#pragma once

#include <esrgan/error.h>
#include <esrgan/image.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/limits.h"
#include "image/codecs/codec.h"

namespace esrgan {

/// Of the whole picture.
inline uint64_t bytes_of_picture(const StoredPicture& picture) {
  return uint64_t{picture.row_bytes()} * static_cast<uint64_t>(picture.height);
}

/// The sample `value` of 0..from brought to 0..to, rounded to nearest; both are 2^n - 1, so that there are no
/// ties.
constexpr uint32_t rescale(uint32_t value, uint32_t from, uint32_t to) {
  return static_cast<uint32_t>((uint64_t{value < from ? value : from} * to + from / 2) / from);
}

inline void check_size(const std::string& file, int64_t width, int64_t height) {
  if (width >= 1 && height >= 1 && width <= limits::picture_side && height <= limits::picture_side &&
      width * height <= limits::picture_pixels) {
    return;
  }
  throw Error(ErrorKind::bad_data, file, "picture size out of range",
              "sides of 1 to " + std::to_string(limits::picture_side) + " pixels, " +
                  std::to_string(limits::picture_pixels) + " pixels in all",
              std::to_string(width) + "x" + std::to_string(height));
}

/// EXIF as ISO/IEC 23008-12 annex A and ISO/IEC 18181-2 store it: the distance to the TIFF header (32 bits,
/// big endian) goes before. Some programs leave it out, or set it wrong. Nothing when there is no such
/// header.
inline std::optional<std::vector<uint8_t>> exif_of_box(std::span<const uint8_t> box) {
  const auto is_header = [&](uint64_t at) {
    if (at + 8 > box.size()) return false;
    return (box[at] == 'I' && box[at + 1] == 'I' && box[at + 2] == 42 && box[at + 3] == 0) ||
           (box[at] == 'M' && box[at + 1] == 'M' && box[at + 2] == 0 && box[at + 3] == 42);
  };
  if (box.size() < 8) return std::nullopt;
  uint64_t at = 4 + ((uint64_t{box[0]} << 24U) | (uint64_t{box[1]} << 16U) | (uint64_t{box[2]} << 8U) |
                     uint64_t{box[3]});
  if (!is_header(at)) {
    constexpr uint64_t last = 10;  // behind a distance and JPEG's "Exif\0\0"
    at = 0;
    while (at <= last && !is_header(at)) ++at;
    if (at > last) return std::nullopt;
  }
  const auto tiff = box.subspan(at);
  return std::vector<uint8_t>(tiff.begin(), tiff.end());
}

}  // namespace esrgan
