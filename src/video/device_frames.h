// Frames whose conversion is left to the device that runs the network.
#pragma once

#include <memory>

#include "device/frame_format.h"
#include "video/frame_buffers.h"

namespace esrgan::video {

/// What frames have that are converted alike.
struct FrameKind {
  AVPixelFormat format = AV_PIX_FMT_NONE;
  int width = 0, height = 0;
  Colour colour;
};

FrameKind kind_of(const AVFrame& frame);
/// Whether the same conversion serves both, where it is one of device_formats(): those know nothing of
/// primaries and transfer functions.
bool are_alike(const FrameKind& a, const FrameKind& b);

/// What a device must know to make frames of a shape from frames of a kind as FrameReader and FrameWriter do.
/// None where that is more than matrix, range, chroma sampling and rounding: other sizes, dither, alpha,
/// gray, samples that do not lie in planes.
std::shared_ptr<const FrameFormats> device_formats(const FrameKind& kind, const FrameShape& shape);

/// Where the device finds a frame's samples, or puts them.
FramePlanes planes_of(const AVFrame& frame);

}  // namespace esrgan::video
