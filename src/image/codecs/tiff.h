// TIFF: reading by libtiff, whatever that was built with; writing strips of its own, so that every tag can be
// carried.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "image/codecs/codec.h"

namespace esrgan {

/// Classic and BigTIFF, of either byte order.
bool looks_like_tiff(std::span<const uint8_t> head);
std::unique_ptr<Decoder> open_tiff(std::shared_ptr<const ByteSource> source);
/// Extensions "btf" and "tf8" make it a BigTIFF in any case.
std::unique_ptr<Encoder> create_tiff(ByteSink& sink, const EncodeOptions& options);

}  // namespace esrgan
