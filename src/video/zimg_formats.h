// Formats of frames in zimg's words.
#pragma once

#include <zimg.h>

#include "video/colour.h"
#include "video/ffmpeg.h"

namespace esrgan::video {

/// The lines of a frame that are taken or written.
enum class Lines { all, top, bottom };

int line_count(int height, Lines lines);

/// What frames of this format hold, their sides made multiples of whole chroma samples. Throws Error for
/// fields whose lines do not share chroma samples evenly.
zimg_image_format stored_format(AVPixelFormat pixel_format, int width, int height, const Colour& colour,
                                Lines lines);

/// The pixels beside a frame of this format: floats with the same meaning, without the matrix.
zimg_image_format float_format(const zimg_image_format& like, int width, int height);

/// Whether the colour matrix works on other than encoded values: not linear, and the transfer function must
/// be known.
bool needs_transfer(const Colour& colour);
/// Tells it where it must be known.
void set_transfer(zimg_image_format& a, zimg_image_format& b, const Colour& colour);

/// Alpha as a gray picture; it has the full range whatever colours have.
zimg_image_format alpha_format(zimg_image_format format);

/// Whether samples are the pixels themselves, as those of picture files are: nothing but their scale differs.
bool is_plain(const zimg_image_format& format);

}  // namespace esrgan::video
