// PNG. Read by libpng a row at a time; written by ourselves, so that all threads compress.
// Source: W3C, Portable Network Graphics (PNG) Specification (Third Edition).
#pragma once

#include "image/codecs/codec.h"

namespace esrgan {

bool looks_like_png(std::span<const uint8_t> head);
std::unique_ptr<Decoder> open_png(std::shared_ptr<const ByteSource> source);
std::unique_ptr<Encoder> create_png(ByteSink& sink, const EncodeOptions& options);

}  // namespace esrgan
