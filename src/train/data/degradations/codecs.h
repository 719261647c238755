// Compression in memory, for what it does to a picture of three channels. Values are rounded to 8 bits.
#pragma once

#include <cstdint>
#include <vector>

#include "image/float_image.h"

namespace esrgan::train {

/// Pixels in [0, 1] as samples of 8 bits, and back.
std::vector<uint8_t> bytes_of(const std::vector<float>& pixels);
void take_bytes(const uint8_t* bytes, std::vector<float>& pixels);

/// The picture as it is after compression with `quality` (1 to 100, libjpeg's scale, colours at half
/// resolution).
FloatImage through_jpeg(const FloatImage& picture, int quality);

/// Likewise by lossy WebP, 0 to 100.
FloatImage through_webp(const FloatImage& picture, int quality);

}  // namespace esrgan::train
