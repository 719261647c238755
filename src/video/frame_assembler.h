// Enlarged pixels to frames: at the final size, with fields woven.
#pragma once

#include <optional>

#include "video/frame_pixels.h"
#include "video/pipeline.h"

namespace esrgan::video {

/// Frames that are to be made.
struct FrameShape {
  AVPixelFormat format = AV_PIX_FMT_NONE;
  int width = 0, height = 0;
  Colour colour;
  double network_scale = 1;  ///< how much larger the pixels are than the frames were
  Dither dither = Dither::none;
};

class FrameAssembler {
 public:
  FrameAssembler() = default;
  ~FrameAssembler();
  FrameAssembler(const FrameAssembler&) = delete;
  FrameAssembler& operator=(const FrameAssembler&) = delete;
  FrameAssembler(FrameAssembler&&) = delete;
  FrameAssembler& operator=(FrameAssembler&&) = delete;

  /// A new frame (without properties) of the item's parts, whose memory goes back to `pool`. The shape is
  /// that of the first call.
  FramePtr assemble(FrameItem& item, const FrameShape& shape, PixelsPool& pool);

 private:
  FramePtr allocate(const FrameShape& shape);

  AVBufferPool* buffers_ = nullptr;
  std::optional<FrameWriter> writers_[3];  // by the lines they write
  int first_width_ = 0, first_height_ = 0;
};

}  // namespace esrgan::video
