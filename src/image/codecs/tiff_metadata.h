// What a TIFF page says beside its samples, from and to ImageMetadata.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "image/codecs/codec.h"
#include "image/metadata/exif_tree.h"
#include "image/metadata/metadata.h"

namespace esrgan {

/// Of the page whose directory lies there. EXIF is a block of all tags that describe the picture, those of
/// GeoTIFF and unknown ones included; the tags that say how it is stored are left out. `no_data`: set when
/// GDAL's tag is there.
std::shared_ptr<ImageMetadata> read_tiff_metadata(const ByteSource& source, uint64_t directory,
                                                  std::optional<double>& no_data);

/// The entries that a page of this picture has beside those that say how it is stored.
ExifTree tiff_description(const StoredPicture& picture);

}  // namespace esrgan
