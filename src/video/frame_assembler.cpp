#include "video/frame_assembler.h"

#include <string>

#include "base/log.h"

namespace esrgan::video {

FramePtr FrameAssembler::assemble(FrameItem& item, const FrameShape& shape, PixelsPool& pool) {
  const AVFrame& source = *item.source;
  if (first_width_ == 0) {
    first_width_ = source.width;
    first_height_ = source.height;
  } else if (source.width != first_width_ || source.height != first_height_) {
    log_warning("frames change their size from " + std::to_string(first_width_) + "x" +
                std::to_string(first_height_) + " to " + std::to_string(source.width) + "x" +
                std::to_string(source.height) + " (frame " + std::to_string(item.number + 1) +
                "); these are brought to the size of the film");
    first_width_ = source.width;  // said once for each change
    first_height_ = source.height;
  }
  if (item.enlarged) return std::move(item.enlarged);
  FramePtr frame = buffers_->take(shape);
  const int channels = channels_of(static_cast<AVPixelFormat>(source.format));
  const bool fields = item.parts.size() == 2;
  for (size_t part = 0; part < item.parts.size(); ++part) {
    const auto lines = static_cast<Lines>(fields ? part + 1 : 0);
    const int height = fields ? (source.height + (part == 0 ? 1 : 0)) / 2 : source.height;
    const FrameWriter::From from{static_cast<int>(source.width * shape.network_scale),
                                 static_cast<int>(height * shape.network_scale), channels,
                                 shape.network_scale};
    std::optional<FrameWriter>& writer = writers_[static_cast<int>(lines)];
    if (!writer || !writer->fits(from)) writer.emplace(from, *frame, shape.colour, lines, shape.dither);
    writer->write(item.parts[part], *frame);
    pool.give(std::move(item.parts[part]));
  }
  return frame;
}

}  // namespace esrgan::video
