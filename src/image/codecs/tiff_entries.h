// The entries of a directory that say how a page's samples are stored, as far as strips and tiles share them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "image/codecs/codec.h"
#include "image/metadata/exif_tree.h"

namespace esrgan {

ExifEntry tiff_shorts(uint16_t tag, const std::vector<uint64_t>& values);
ExifEntry tiff_longs(uint16_t tag, const std::vector<uint64_t>& values);
/// Offsets and sizes.
ExifEntry tiff_places(uint16_t tag, const std::vector<uint64_t>& values, bool big);

/// Of a picture of this size with samples like `picture`'s; `predictor`: 0 when they are not compressed.
std::vector<ExifEntry> tiff_sample_entries(const StoredPicture& picture, int width, int height,
                                           int predictor);

/// Says behind what the original's description says how a picture of measurements came to be.
void describe_derivation(std::vector<ExifEntry>& entries, const StoredPicture& picture,
                         const std::string& derivation);

/// zlib's level for a file that is compressed.
int tiff_deflate_level(const EncodeOptions& options);
/// Whether the file's name asks for a BigTIFF, however small it is.
bool asks_for_big_tiff(const EncodeOptions& options);

/// Bytes of the blocks that describe it.
uint64_t tiff_metadata_bytes(const StoredPicture& picture);

}  // namespace esrgan
