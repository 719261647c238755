// What packets of video hold, as far as their headers tell without decoding.
#pragma once

#include <memory>

#include "video/ffmpeg.h"

namespace esrgan::video {

/// How a frame was taken.
enum class Fields { unknown, whole, top_first, bottom_first };

struct PacketFacts {
  /// Frames that are shown and begin in it: none in the second field of one (H.264), in what an edit list
  /// discards, in MPEG-4's placeholders and VP8's hidden frames; two where AVI packs a B frame behind the one
  /// before it.
  int frames = 1;
  Fields fields = Fields::unknown;
};

class PacketInspector {
 public:
  explicit PacketInspector(const AVStream& video);

  /// Packets in the order of the file.
  PacketFacts look(const AVPacket& packet);

 private:
  struct FreeParser {
    void operator()(AVCodecParserContext* parser) const { av_parser_close(parser); }
  };

  std::unique_ptr<AVCodecParserContext, FreeParser> parser_;
  CodecPtr codec_;
  int half_ = AV_PICTURE_STRUCTURE_UNKNOWN;  // the field whose other one is to come
};

}  // namespace esrgan::video
