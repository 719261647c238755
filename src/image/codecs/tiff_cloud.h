// Cloud-optimised GeoTIFF (OGC 21-026): directories first, then smaller copies, then the picture, all in
// tiles, so that programs read over a network no more than they show.
#pragma once

#include <memory>

#include "image/codecs/codec.h"

namespace esrgan {

/// One picture. While it is written, its tiles wait in a file beside the target.
std::unique_ptr<Encoder> create_cloud_tiff(ByteSink& sink, const EncodeOptions& options);

}  // namespace esrgan
