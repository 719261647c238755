// What EXIF (and XMP) say about the pixels: how they are to be turned, how many there are, how large they
// are. Blocks are changed where they stand. Source: EXIF 2.32 (CIPA DC-008).
#pragma once

#include <esrgan/image.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "image/metadata.h"

namespace esrgan {

/// What the EXIF block says; 1 (as it lies) without a word.
int orientation_of(const ImageMetadata& metadata);

/// Moves the pixels as an orientation demands. Any sample type.
void apply_orientation(Image& image, int orientation);

/// The picture was turned by `orientation`: EXIF and XMP now say 1, and the thumbnail is turned too (or left
/// out, when it cannot be).
void reset_orientation(ImageMetadata& metadata, int orientation);

/// EXIF and XMP tell the size of the picture where they did before.
void set_picture_size(ImageMetadata& metadata, int width, int height);

/// Pixels for a length as EXIF has it; x is 0 where it has not.
Resolution exif_resolution(const ImageMetadata& metadata);

/// EXIF tells this many pixels per inch where it told another number before.
void set_exif_resolution(ImageMetadata& metadata, double dots_per_inch);

/// A new EXIF block with a user comment and nothing else; empty when the text is not UTF-8.
std::vector<uint8_t> exif_with_comment(std::string_view text);

}  // namespace esrgan
