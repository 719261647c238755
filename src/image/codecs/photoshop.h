// Photoshop's image resource blocks, in which JPEG, TIFF and PNG carry IPTC records.
// Source: Adobe Photoshop File Formats Specification, "Image Resource Blocks".
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "image/metadata/metadata.h"

namespace esrgan {

/// Takes blocks apart: IPTC records to metadata.iptc, the others to metadata.photoshop; thumbnails are left
/// out. What is no block ends it.
void take_photoshop_blocks(std::span<const uint8_t> bytes, ImageMetadata& metadata);

/// The block of the resolution tells this, if there is one.
void set_photoshop_resolution(ImageMetadata& metadata, double dots_per_inch);

/// The blocks with IPTC among them; empty when there are none.
std::vector<uint8_t> photoshop_blocks(const ImageMetadata& metadata);

}  // namespace esrgan
