#include "video/picture_frames.h"

#include <utility>

#include "video/pixel_formats.h"

namespace esrgan::video {

PictureFrames::PictureFrames(const std::vector<int64_t>& times, const Plan& plan, FrameChoice choice)
    : times_(times), plan_(plan), choice_(std::move(choice)) {}

void PictureFrames::run(PixelsPool& pool, const std::function<bool(FrameItem)>& take) {
  size_t next = 0;
  for (size_t segment = 0; segment < plan_.segments.size(); ++segment) {
    for (; next < times_.size() && times_[next] < plan_.segments[segment].end; ++next) {
      const FramePlace place{static_cast<int64_t>(next), times_[next], segment};
      if (place.time < plan_.segments[segment].begin || !choice_.segment(segment) ||
          (choice_.frame && !choice_.frame(place))) {
        pass_over(next);
        continue;
      }
      FrameItem item;
      item.number = place.number;
      item.segment = segment;
      if (!read(next, pool, item)) return;
      item.source->pts = place.time;
      if (!take(std::move(item))) return;
    }
    FrameItem end;
    end.segment = segment;
    if (choice_.segment(segment) && !take(std::move(end))) return;
  }
}

FramePtr frame_like(const ImageInfo& info) {
  FramePtr frame = make_frame();
  frame->width = info.width;
  frame->height = info.height;
  frame->format = picture_format(info.channels, info.type != SampleType::u8);
  frame->color_range = AVCOL_RANGE_JPEG;
  return frame;
}

}  // namespace esrgan::video
