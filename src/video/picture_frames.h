// Frames that are pictures with times: of a folder, or of an animation.
#pragma once

#include <esrgan/image.h>

#include <string>
#include <vector>

#include "video/pipeline.h"
#include "video/plan.h"

namespace esrgan::video {

class PictureFrames : public FrameInput {
 public:
  /// All but `choice` must outlive this.
  PictureFrames(const std::vector<int64_t>& times, const Plan& plan, FrameChoice choice);

  void run(PixelsPool& pool, const std::function<bool(FrameItem)>& take) final;

 protected:
  /// Fills source and parts of the picture `number`; they are asked for in order. False when there is none.
  virtual bool read(size_t number, PixelsPool& pool, FrameItem& item) = 0;
  /// The picture is not wanted.
  virtual void pass_over(size_t /*number*/) {}

 private:
  const std::vector<int64_t>& times_;
  const Plan& plan_;
  FrameChoice choice_;
};

/// A frame without data that describes a picture.
FramePtr frame_like(const ImageInfo& info);

}  // namespace esrgan::video
