// The packets of a film's video, segment after segment.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "video/muxer.h"

namespace esrgan::video {

class VideoPackets {
 public:
  /// Throws Error when the segments do not fit together. `segments` must outlive this.
  VideoPackets(const MuxRequest& request, const std::vector<std::string>& segments);

  StreamDescription stream() const { return stream_from_json(description_); }
  const SegmentCounts& counts() const { return counts_; }

  /// With times of the output; null after the last.
  PacketPtr next();

 private:
  const std::vector<std::string>& segments_;
  nlohmann::json description_;
  SegmentCounts counts_;
  int64_t origin_ = 0;
  std::vector<int64_t> decoding_, durations_;
  std::optional<SegmentReader> reader_;
  size_t segment_ = 0, number_ = 0;
};

}  // namespace esrgan::video
