// Compression in memory, for what it does to a picture of three channels. Values are rounded to 8 bits.
#pragma once

#include "image/float_image.h"

namespace esrgan::train {

/// The picture as it is after compression with `quality` (1 to 100, libjpeg's scale, colours at half
/// resolution).
FloatImage through_jpeg(const FloatImage& picture, int quality);

/// Likewise by lossy WebP, 0 to 100.
FloatImage through_webp(const FloatImage& picture, int quality);

}  // namespace esrgan::train
