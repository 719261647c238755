// The chunks of a PNG file that are not pixels.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "image/codecs/codec.h"

namespace esrgan::png {

constexpr std::array<uint8_t, 8> signature{0x89, 'P', 'N', 'G', 0x0D, 0x0A, 0x1A, 0x0A};

/// Walks through the whole file and collects what it says about the picture. Chunks that are damaged are left
/// out; `frames` is the number of an animation's, 1 without one.
void read_chunks(const ByteSource& source, ImageMetadata& metadata, uint32_t& frames);

/// Appends a chunk with its length and checksum.
void write_chunk(ByteSink& sink, std::string_view type, std::span<const uint8_t> data);

/// All chunks that stand between IHDR and IDAT. `metadata` may be null.
void write_metadata(ByteSink& sink, const ImageMetadata& metadata);

}  // namespace esrgan::png
