// JPEG in memory, for what its compression does to a picture.
#pragma once

#include "image/float_image.h"

namespace esrgan::train {

/// The picture (3 channels) as it is after compression with `quality` (1 to 100, libjpeg's scale, colours at
/// half resolution). Values are rounded to 8 bits.
FloatImage through_jpeg(const FloatImage& picture, int quality);

}  // namespace esrgan::train
