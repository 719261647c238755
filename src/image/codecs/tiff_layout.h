// How a TIFF page's samples lie in its file, as its tags say, checked.
#pragma once

#include <cstdint>
#include <vector>

#include "image/codecs/tiff_file.h"

namespace esrgan {

struct TiffLayout {
  int64_t width = 0, height = 0;
  int channels = 0;  ///< of a pixel
  int bits = 0;      ///< of a sample
  int format = 0;    ///< SAMPLEFORMAT_UINT, _INT or _IEEEFP
  int photometric = 0, compression = 0;
  std::vector<uint16_t> extra_samples;  ///< what channels beyond the colours are; may say less than there are
  bool planar = false;                  ///< each channel lies by itself
  bool tiled = false;
  int64_t block_width = 0,
          block_height = 0;  ///< of a strip or tile, whole ones; no higher than the picture for strips
  bool as_rgba = false;      ///< libtiff has to make 8-bit RGB of the whole of it

  /// Packed bytes of `pixels` of a row: of all channels, or of one when they are planar.
  uint64_t packed_bytes(int64_t pixels) const {
    const auto samples = static_cast<uint64_t>(pixels) * static_cast<uint64_t>(planar ? 1 : channels);
    return (samples * static_cast<uint64_t>(bits) + 7) / 8;
  }
};

/// Of the file's current directory. Makes libtiff's codecs deliver RGB or floats where they can. Throws Error
/// where the picture is beyond the limits or its parts do not fit each other.
TiffLayout read_tiff_layout(TiffFile& file);

}  // namespace esrgan
