// From packets to frames: decoding, and what is done to frames before they are enlarged.
#pragma once

#include <esrgan/video.h>

#include <functional>
#include <optional>
#include <string>

#include "video/plan.h"

namespace esrgan::video {

struct DecodeOptions {
  Interlaced interlaced = Interlaced::keep;
  AVRational fps{0, 1};      ///< 0 keeps the film's own times
  int rotation = 0;          ///< degrees by which frames are turned clockwise: 0, 90, 180, 270
  bool flip = false;         ///< mirrored left to right, after the rotation
  bool keep_fields = false;  ///< of frames that are interlaced; otherwise all are taken as whole ones
  std::string format;    ///< FFmpeg's name of the pixel format that frames are brought to; empty: as they are
  std::string hardware;  ///< FFmpeg's name of a device, "auto", or empty for none
};

/// Units of the times of the frames that come out.
AVRational output_time_base(AVRational video, const DecodeOptions& options);

class ChunkDecoder {
 public:
  ChunkDecoder(PacketReader& reader, const Plan& plan, DecodeOptions options);
  ~ChunkDecoder();
  ChunkDecoder(const ChunkDecoder&) = delete;
  ChunkDecoder& operator=(const ChunkDecoder&) = delete;
  ChunkDecoder(ChunkDecoder&&) = delete;
  ChunkDecoder& operator=(ChunkDecoder&&) = delete;

  /// Hands over all frames that the chunk's packets give, in order of time, pts in units of time_base().
  /// False from `take` ends it. Packets before `keep_from` will not be asked for again.
  void decode(const Chunk& chunk, int64_t keep_from, const std::function<bool(FramePtr)>& take);

  AVRational time_base() const { return time_base_; }
  int64_t lost() const { return lost_; }        ///< packets that could not be decoded
  int64_t damaged() const { return damaged_; }  ///< frames decoded in part

 private:
  class Filters;

  void open();
  void receive(const Chunk& chunk, const std::function<bool(FramePtr)>& take);
  FramePtr on_host(FramePtr frame) const;
  int64_t next_counted();

  PacketReader& reader_;
  const Plan& plan_;
  DecodeOptions options_;
  AVRational time_base_;
  CodecPtr codec_;
  AVPixelFormat hardware_format_ = AV_PIX_FMT_NONE;  // of frames on the device
  BufferPtr device_;
  std::unique_ptr<Filters> filters_;
  size_t count_ = 0;  // of frames, where the film has no times
  int64_t last_ = no_time;
  int64_t lost_ = 0, damaged_ = 0;
  bool counting_ = true;  // whether what is lost now is the chunk's own
  bool ended_ = false;
};

}  // namespace esrgan::video
