// What EXIF (and XMP) say about the pixels: how they are to be turned, how many there are, how large they
// are. Blocks are changed where they stand. Source: EXIF 2.32 (CIPA DC-008).
#pragma once

#include <esrgan/image.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "image/metadata/metadata.h"

namespace esrgan {

/// What the EXIF block says; 1 (as it lies) without a word.
int orientation_of(const ImageMetadata& metadata);

/// Moves the pixels as an orientation demands. Any sample type.
void apply_orientation(Image& image, int orientation);

/// The picture was turned by `orientation`: EXIF and XMP now say 1, and the thumbnail is turned too (or left
/// out, when it cannot be).
void reset_orientation(ImageMetadata& metadata, int orientation);

/// EXIF and XMP tell the size of the picture where they did before; XMP tells that it is upright, as EXIF
/// does by then.
void set_picture_size(ImageMetadata& metadata, int width, int height);

/// Pixels for a length as EXIF has it; x is 0 where it has not.
Resolution exif_resolution(const ImageMetadata& metadata);

/// EXIF and XMP tell this many pixels per inch where they told another number before.
void set_exif_resolution(ImageMetadata& metadata, double dots_per_inch);

/// EXIF tells the resolution, in a new block when there is none. False when it cannot: the block is damaged.
bool put_resolution_into_exif(ImageMetadata& metadata, const Resolution& resolution);

/// EXIF has this user comment. False when it has one already, when the block is damaged, or the text is not
/// UTF-8.
bool add_user_comment(ImageMetadata& metadata, std::string_view text);

bool has_thumbnail(const ImageMetadata& metadata);

/// Whether anything can be read of the block.
bool is_exif(const std::vector<uint8_t>& block);

/// EXIF has at most so many bytes: without the thumbnail and the largest entries.
void shrink_exif(ImageMetadata& metadata, size_t most);

}  // namespace esrgan
