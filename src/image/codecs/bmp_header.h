// The headers of a BMP file, of Microsoft's "Bitmap Storage" and OS/2's older form, brought to one shape.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "image/metadata/metadata.h"

namespace esrgan {

struct BmpHeader {
  int width = 0, height = 0;
  bool top_down = false;
  int bits = 0;                                 ///< of a pixel: 1, 2, 4, 8, 16, 24 or 32
  bool runs = false;                            ///< pixels as RLE4 or RLE8, by `bits`
  uint64_t pixels = 0;                          ///< where they begin in the file
  std::array<uint32_t, 4> masks{};              ///< red, green, blue, alpha in a pixel of 16 or 32 bits
  std::vector<std::array<uint8_t, 3>> palette;  ///< red, green, blue; 2^bits of them when bits <= 8
  bool gray = false;                            ///< the palette has no colours
  std::shared_ptr<ImageMetadata> metadata = std::make_shared<ImageMetadata>();
  std::vector<std::string> remarks;

  /// Bytes from row to row, when there are no runs.
  uint64_t stride() const {
    return (static_cast<uint64_t>(width) * static_cast<uint64_t>(bits) + 31) / 32 * 4;
  }
};

/// Throws Error when it cannot be read, or claims more than the file has.
BmpHeader read_bmp_header(const ByteSource& source);

}  // namespace esrgan
