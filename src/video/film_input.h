// The frames of a film, decoded, for the pipeline.
#pragma once

#include <functional>
#include <memory>

#include "video/decoder.h"
#include "video/pipeline.h"

namespace esrgan::video {

class FilmInput : public FrameInput {
 public:
  FilmInput(std::shared_ptr<PacketReader> reader, const Plan& plan, const DecodeOptions& options,
            FrameChoice choice);

  void run(PixelsPool& pool, const std::function<bool(FrameItem)>& take) override;

  /// The first frame that can be decoded, as it will be handed over.
  FramePtr first_frame();

  AVRational time_base() const { return decoder_.time_base(); }

 private:
  void run_chunk(size_t chunk, PixelsPool& pool, const std::function<bool(FrameItem)>& take);
  size_t segment_at(int64_t time, size_t first, size_t end) const;

  std::shared_ptr<PacketReader> reader_;
  const Plan& plan_;
  DecodeOptions options_;
  FrameChoice choice_;
  ChunkDecoder decoder_;
  int64_t number_ = 0;
  FramePtr last_;  // handed over
  bool ended_ = false;
};

}  // namespace esrgan::video
