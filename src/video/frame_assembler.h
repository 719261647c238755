// Enlarged pixels to frames: at the final size, with fields woven.
#pragma once

#include <memory>
#include <optional>

#include "video/frame_buffers.h"
#include "video/frame_pixels.h"
#include "video/pipeline.h"

namespace esrgan::video {

class FrameAssembler {
 public:
  /// A new frame (without properties) of the item's parts, whose memory goes back to `pool`, or the one that
  /// it has already. The shape is that of the first call.
  FramePtr assemble(FrameItem& item, const FrameShape& shape, PixelsPool& pool);

  /// Where its frames' memory comes from, for those who make frames of that shape before it.
  std::shared_ptr<FrameBuffers> buffers() const { return buffers_; }

 private:
  std::shared_ptr<FrameBuffers> buffers_ = std::make_shared<FrameBuffers>();
  std::optional<FrameWriter> writers_[3];  // by the lines they write
  int first_width_ = 0, first_height_ = 0;
};

}  // namespace esrgan::video
