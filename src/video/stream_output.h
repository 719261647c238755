// Frames as YUV4MPEG2, for other programs: one after the other, without sound.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "video/frame_assembler.h"
#include "video/jobs.h"
#include "video/pipeline.h"

namespace esrgan::video {

/// The pixel format of YUV4MPEG2 that is nearest to `wanted`.
AVPixelFormat stream_format(AVPixelFormat wanted);

struct StreamShape {
  FrameShape frames;
  AVRational frame_rate{25, 1}, sample_aspect{0, 1};
  bool interlaced = false, top_field_first = false;
};

/// Facts of the format: mjpegtools' yuv4mpeg(5), and what FFmpeg adds to it (libavformat/yuv4mpegenc.c).
class StreamOutput : public FrameOutput {
 public:
  using Write = std::function<void(std::span<const uint8_t>)>;
  StreamOutput(StreamShape shape, Write write, ProgressKeeper& progress);

  std::function<void()> prepare(FrameItem item, PixelsPool& pool) override;
  std::shared_ptr<FrameBuffers> buffers() const { return assembler_.buffers(); }

 private:
  std::string header() const;
  std::vector<uint8_t> bytes_of(const AVFrame& frame) const;

  StreamShape shape_;
  Write write_;
  ProgressKeeper& progress_;
  FrameAssembler assembler_;
  std::shared_ptr<const std::vector<uint8_t>> last_;
  bool begun_ = false;
};

}  // namespace esrgan::video
