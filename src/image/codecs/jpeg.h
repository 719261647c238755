// JPEG by libjpeg-turbo, a row at a time.
#pragma once

#include "image/codecs/codec.h"

namespace esrgan {

bool looks_like_jpeg(std::span<const uint8_t> head);
std::unique_ptr<Decoder> open_jpeg(std::shared_ptr<const ByteSource> source);
std::unique_ptr<Encoder> create_jpeg(ByteSink& sink, const EncodeOptions& options);

/// Bytes that a marker of JPEG can hold of EXIF, of XMP and of other things.
constexpr size_t jpeg_marker_bytes = 65533 - 29;

}  // namespace esrgan
