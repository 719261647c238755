// BMP: Windows' and OS/2's bitmaps.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "image/codecs/codec.h"

namespace esrgan {

bool looks_like_bmp(std::span<const uint8_t> head);
/// Throws Error when the headers are damaged, when rows are missing, or when it holds a JPEG or PNG file.
std::unique_ptr<Decoder> open_bmp(std::shared_ptr<const ByteSource> source);
/// Writes 8 bits a channel: gray, RGB, RGB + alpha.
std::unique_ptr<Encoder> create_bmp(ByteSink& sink, const EncodeOptions& options);

}  // namespace esrgan
