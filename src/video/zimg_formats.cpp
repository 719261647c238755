#include "video/zimg_formats.h"

#include <esrgan/error.h>

#include <algorithm>
#include <string>

#include "video/pixel_formats.h"
#include "video/planes.h"

namespace esrgan::video {

int line_count(int height, Lines lines) {
  return lines == Lines::all ? height : (lines == Lines::top ? (height + 1) / 2 : height / 2);
}

// zimg's numbers are those of H.273, as FFmpeg's are.
zimg_image_format stored_format(AVPixelFormat pixel_format, int width, int height, const Colour& colour,
                                Lines lines) {
  const AVPixFmtDescriptor& desc = description(pixel_format);
  const unsigned across = 1U << desc.log2_chroma_w, down = 1U << desc.log2_chroma_h;
  zimg_image_format format = plane_format(width, line_count(height, lines));
  format.width = (format.width + across - 1) / across * across;
  format.height = (format.height + down - 1) / down * down;
  format.depth = static_cast<unsigned>(desc.comp[0].depth);
  format.pixel_type = format.depth > 8 ? ZIMG_PIXEL_WORD : ZIMG_PIXEL_BYTE;
  format.pixel_range = colour.range == AVCOL_RANGE_JPEG ? ZIMG_RANGE_FULL : ZIMG_RANGE_LIMITED;
  if (is_gray(desc)) {
    format.color_family = ZIMG_COLOR_GREY;
  } else if (is_rgb(desc)) {
    format.color_family = ZIMG_COLOR_RGB;
    format.matrix_coefficients = ZIMG_MATRIX_RGB;
  } else {
    format.color_family = ZIMG_COLOR_YUV;
    format.subsample_w = desc.log2_chroma_w;
    format.subsample_h = desc.log2_chroma_h;
    format.matrix_coefficients = static_cast<zimg_matrix_coefficients_e>(colour.matrix);
    format.chroma_location = static_cast<zimg_chroma_location_e>(std::max(0, colour.chroma - 1));
  }
  if (lines != Lines::all) {
    format.field_parity = lines == Lines::top ? ZIMG_FIELD_TOP : ZIMG_FIELD_BOTTOM;
    if (height % (2 << format.subsample_h) != 0)
      throw Error(
          ErrorKind::unsupported, "", "interlaced frames",
          "a height that is a multiple of " + std::to_string(2 << format.subsample_h) + " (or --deinterlace)",
          std::to_string(height));
  }
  return format;
}

zimg_image_format float_format(const zimg_image_format& like, int width, int height) {
  zimg_image_format format = like;
  format.width = static_cast<unsigned>(width);
  format.height = static_cast<unsigned>(height);
  format.pixel_type = ZIMG_PIXEL_FLOAT;
  format.depth = 32;
  format.subsample_w = format.subsample_h = 0;
  format.pixel_range = ZIMG_RANGE_FULL;
  if (format.color_family == ZIMG_COLOR_YUV) {
    format.color_family = ZIMG_COLOR_RGB;
    format.matrix_coefficients = ZIMG_MATRIX_RGB;
  }
  return format;
}

bool needs_transfer(const Colour& colour) {
  return colour.matrix == AVCOL_SPC_BT2020_CL || colour.matrix == AVCOL_SPC_ICTCP ||
         colour.matrix == AVCOL_SPC_CHROMA_DERIVED_NCL || colour.matrix == AVCOL_SPC_CHROMA_DERIVED_CL;
}

void set_transfer(zimg_image_format& a, zimg_image_format& b, const Colour& colour) {
  if (!needs_transfer(colour)) return;
  for (zimg_image_format* format : {&a, &b}) {
    format->transfer_characteristics = static_cast<zimg_transfer_characteristics_e>(colour.transfer);
    format->color_primaries = static_cast<zimg_color_primaries_e>(colour.primaries);
  }
}

zimg_image_format alpha_format(zimg_image_format format) {
  format.color_family = ZIMG_COLOR_GREY;
  format.subsample_w = format.subsample_h = 0;
  format.matrix_coefficients = ZIMG_MATRIX_UNSPECIFIED;
  format.pixel_range = ZIMG_RANGE_FULL;
  return format;
}

bool is_plain(const zimg_image_format& format) {
  return format.color_family != ZIMG_COLOR_YUV && format.pixel_range == ZIMG_RANGE_FULL;
}

}  // namespace esrgan::video
