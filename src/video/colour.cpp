#include "video/colour.h"

#include "video/pixel_formats.h"

namespace esrgan::video {

Colour colour_of(const AVFrame& frame) {
  const auto& desc = description(static_cast<AVPixelFormat>(frame.format));
  const bool rgb = is_rgb(desc);
  // What players assume (mpv's and VLC's rule): standard definition by its lines, all else BT.709.
  const bool high = frame.width >= 1280 || frame.height > 576;
  const bool pal = frame.height == 576 || frame.height == 288;
  Colour colour{frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc,
                frame.chroma_location};
  if (rgb)
    colour.matrix = AVCOL_SPC_RGB;
  else if (colour.matrix == AVCOL_SPC_UNSPECIFIED || colour.matrix == AVCOL_SPC_RESERVED ||
           colour.matrix == AVCOL_SPC_RGB || colour.matrix >= AVCOL_SPC_NB)
    colour.matrix = high ? AVCOL_SPC_BT709 : (pal ? AVCOL_SPC_BT470BG : AVCOL_SPC_SMPTE170M);
  if (colour.primaries == AVCOL_PRI_UNSPECIFIED || colour.primaries == AVCOL_PRI_RESERVED ||
      colour.primaries == AVCOL_PRI_RESERVED0)
    colour.primaries = rgb || high ? AVCOL_PRI_BT709 : (pal ? AVCOL_PRI_BT470BG : AVCOL_PRI_SMPTE170M);
  if (colour.transfer == AVCOL_TRC_UNSPECIFIED || colour.transfer == AVCOL_TRC_RESERVED ||
      colour.transfer == AVCOL_TRC_RESERVED0)
    colour.transfer = rgb ? AVCOL_TRC_IEC61966_2_1 : (high ? AVCOL_TRC_BT709 : AVCOL_TRC_SMPTE170M);
  if (is_outdated(desc)) colour.range = AVCOL_RANGE_JPEG;
  if (colour.range == AVCOL_RANGE_UNSPECIFIED)
    colour.range = rgb || has_alpha(desc) * is_gray(desc) != 0 ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
  if (colour.chroma == AVCHROMA_LOC_UNSPECIFIED)
    colour.chroma = is_outdated(desc) ? AVCHROMA_LOC_CENTER : AVCHROMA_LOC_LEFT;
  return colour;
}

Colour colour_for(Colour colour, AVPixelFormat stored) {
  const bool rgb = is_rgb(description(stored));
  if (rgb == (colour.matrix == AVCOL_SPC_RGB)) return colour;
  colour.range = rgb ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
  colour.matrix = rgb ? AVCOL_SPC_RGB : AVCOL_SPC_BT709;
  return colour;
}

}  // namespace esrgan::video
