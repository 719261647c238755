// Frames that are to be made, and their memory.
#pragma once

#include <esrgan/video.h>

#include <mutex>

#include "video/colour.h"
#include "video/ffmpeg.h"

namespace esrgan::video {

/// Frames that are to be made.
struct FrameShape {
  AVPixelFormat format = AV_PIX_FMT_NONE;
  int width = 0, height = 0;
  Colour colour;
  double network_scale = 1;  ///< how much larger the pixels are than the frames were
  Dither dither = Dither::none;
};

/// Memory of frames of one shape, used again when nobody has it any more.
class FrameBuffers {
 public:
  FrameBuffers() = default;
  ~FrameBuffers();
  FrameBuffers(const FrameBuffers&) = delete;
  FrameBuffers& operator=(const FrameBuffers&) = delete;
  FrameBuffers(FrameBuffers&&) = delete;
  FrameBuffers& operator=(FrameBuffers&&) = delete;

  /// A frame without properties and with arbitrary contents; the shape is that of the first call. From any
  /// thread.
  FramePtr take(const FrameShape& shape);

 private:
  std::once_flag made_;
  AVBufferPool* pool_ = nullptr;
};

}  // namespace esrgan::video
