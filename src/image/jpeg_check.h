// Whether a JPEG file is all there; decoders fill what is missing with gray and say nothing.
#pragma once

#include <cstdint>
#include <span>

namespace esrgan {

/// True when the data begins like a JPEG file.
bool looks_like_jpeg(std::span<const uint8_t> bytes);

/// Walks the segments (ITU-T T.81, annex B) to the end-of-image marker; false when the data ends before.
bool jpeg_is_complete(std::span<const uint8_t> bytes);

}  // namespace esrgan
