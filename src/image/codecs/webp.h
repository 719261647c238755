// WebP: still pictures and animations, lossy and lossless, by libwebp.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "image/codecs/codec.h"

namespace esrgan {

bool looks_like_webp(std::span<const uint8_t> head);
/// RGB, or RGB and alpha where the file has some. Orientation is left to the caller, who has the EXIF block.
/// Throws Error when the file is damaged or truncated.
std::unique_ptr<Decoder> open_webp(std::shared_ptr<const ByteSource> source);
/// Takes 8 bits of 3 or 4 channels, and sides of at most 16383. The frames of an animation have the size of
/// the first, whose metadata counts.
std::unique_ptr<Encoder> create_webp(ByteSink& sink, const EncodeOptions& options);

}  // namespace esrgan
