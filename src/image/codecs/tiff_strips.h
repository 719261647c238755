// Compression of a TIFF strip: deflate of differences.
#pragma once

#include <esrgan/image.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace esrgan {

struct TiffStripFormat {
  size_t row_samples = 0;  ///< of all channels
  size_t channels = 0;
  SampleType type = SampleType::u8;
  int level = 4;  ///< of zlib, 1 to 9

  size_t row_bytes() const { return row_samples * size_of(type); }
  /// TIFF's number of the differences that are stored: 2 of samples, 3 of a float's bytes.
  int predictor() const { return type == SampleType::f16 || type == SampleType::f32 ? 3 : 2; }
};

/// A strip of whole rows, ready to be written. May be called by several threads, each with its own
/// `differences`, which is memory to work in, and `to`.
void compress_tiff_strip(const TiffStripFormat& format, std::span<const std::byte> rows,
                         std::vector<std::byte>& differences, std::vector<uint8_t>& to);
/// Most bytes of such a strip.
uint64_t compressed_tiff_strip_bound(uint64_t bytes);

}  // namespace esrgan
