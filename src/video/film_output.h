// Enlarged frames to encoded segments.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "video/encoder.h"
#include "video/frame_assembler.h"
#include "video/pipeline.h"
#include "video/segment_file.h"

namespace esrgan::video {

StreamDescription describe(const Encoder& encoder, const EncoderSettings& settings);

/// Of the frames that the encoder takes. network_scale: how much larger the pixels are than the film's frames
/// were.
FrameShape shape_of(const EncoderSettings& settings, double network_scale);

class FilmOutput : public FrameOutput {
 public:
  struct Events {
    std::function<void()> frame;                  ///< one more is encoded
    std::function<void(uint64_t bytes)> segment;  ///< one more is complete
  };

  /// path_of: where a segment's file belongs. network_scale: as in shape_of().
  FilmOutput(EncoderSettings settings, double network_scale, std::function<std::string(size_t)> path_of,
             Events events);
  ~FilmOutput() override;

  std::function<void()> prepare(FrameItem item, PixelsPool& pool) override;
  std::shared_ptr<FrameBuffers> buffers() const { return assembler_.buffers(); }

 private:
  struct Open;  // a segment being written

  FramePtr convert(FrameItem& item, PixelsPool& pool);
  void encode(size_t segment, const AVFrame& frame, bool repeated);
  void finish(size_t segment, const SegmentCounts& counts);
  Open& open(size_t segment);

  EncoderSettings settings_;
  FrameShape shape_;
  std::function<std::string(size_t)> path_of_;
  Events events_;
  FrameAssembler assembler_;
  FramePtr last_;
  std::unique_ptr<Open> open_;
};

}  // namespace esrgan::video
