#include "video/video_packets.h"

#include <esrgan/error.h>

#include <algorithm>

#include "video/decoding_times.h"

namespace esrgan::video {

VideoPackets::VideoPackets(const MuxRequest& request, const std::vector<std::string>& segments)
    : segments_(segments) {
  std::vector<int64_t> shown;
  for (const std::string& path : segments) {
    SegmentReader reader(path);
    if (description_.is_null())
      description_ = reader.stream();
    else if (description_ != reader.stream())
      throw Error(ErrorKind::bad_data, path, "does not fit the segments before it: it was encoded otherwise");
    int64_t time = 0;
    while (reader.skip(time)) shown.push_back(time);
    const SegmentCounts& counts = reader.counts();
    counts_.frames += counts.frames;
    counts_.repeated += counts.repeated;
    counts_.damaged += counts.damaged;
    counts_.lost += counts.lost;
  }
  const AVRational base = stream().time_base;
  const int64_t tick = std::max<int64_t>(1, av_rescale_q(request.last_duration, request.time_base, base));
  const int64_t origin = av_rescale_q(request.origin, request.time_base, base);
  for (int64_t& time : shown) time -= origin;
  origin_ = origin;
  decoding_ = decoding_times(shown, tick);
  durations_ = durations(shown, tick);
}

PacketPtr VideoPackets::next() {
  for (;;) {
    if (!reader_) {
      if (segment_ == segments_.size()) return nullptr;
      reader_.emplace(segments_[segment_++]);
    }
    if (PacketPtr packet = reader_->read()) {
      packet->pts -= origin_;
      packet->dts = decoding_[number_];
      packet->duration = durations_[number_];
      ++number_;
      return packet;
    }
    reader_.reset();
  }
}

}  // namespace esrgan::video
