// What the colours of a film's samples mean.
#pragma once

#include "video/ffmpeg.h"

namespace esrgan::video {

/// What the samples of a frame mean (ITU-T H.273), every part of it known: what a film leaves open is what
/// players take it for, by its size.
struct Colour {
  AVColorSpace matrix = AVCOL_SPC_BT709;
  AVColorRange range = AVCOL_RANGE_MPEG;
  AVColorPrimaries primaries = AVCOL_PRI_BT709;
  AVColorTransferCharacteristic transfer = AVCOL_TRC_BT709;
  AVChromaLocation chroma = AVCHROMA_LOC_LEFT;

  bool operator==(const Colour&) const = default;
};

Colour colour_of(const AVFrame& frame);

/// The same colours stored in another format: an RGB one has no matrix, and one that is not RGB needs one.
Colour colour_for(Colour colour, AVPixelFormat stored);

}  // namespace esrgan::video
