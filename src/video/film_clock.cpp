#include "video/film_clock.h"

#include <algorithm>

namespace esrgan::video {
namespace {

constexpr AVRational clock_base{1, 90000};  // of MPEG's clocks
constexpr int64_t second = 90000;
constexpr int64_t back = second, ahead = 10 * second;  // steps of a clock that goes on
constexpr int64_t pause = 300 * second;                // a gap of a stream with which none can be compared

bool counts(const AVStream& stream) {
  return stream.codecpar->codec_type == AVMEDIA_TYPE_VIDEO ||
         stream.codecpar->codec_type == AVMEDIA_TYPE_AUDIO;
}

}  // namespace

FilmClock::FilmClock(const AVFormatContext& format)
    : active_((format.iformat->flags & AVFMT_TS_DISCONT) != 0) {
  for (unsigned i = 0; i < format.nb_streams; ++i) streams_ += counts(*format.streams[i]) ? 1 : 0;
}

/// Whether the stream's next packet may be shown at `time`.
bool FilmClock::fits(int64_t time, size_t stream) const {
  const int64_t last = last_[stream];
  if (last != no_time && time < last - back) return false;
  if (last != no_time && time <= last + ahead) return true;
  bool alone = true;
  for (size_t other = 0; other < last_.size(); ++other) {
    if (other == stream || last_[other] == no_time) continue;
    alone = false;
    if (time >= last_[other] - ahead && time <= last_[other] + ahead) return true;
  }
  return alone && (last == no_time || (streams_ == 1 && time <= last + pause));
}

int64_t FilmClock::offset_for(int64_t time, int64_t duration, size_t stream) {
  if (last_.size() <= stream) last_.resize(stream + 1, no_time);
  int64_t& last = last_[stream];
  int64_t offset = offset_;
  if (!fits(time + offset_, stream)) {
    if (fits(time + before_, stream)) {
      offset = before_;  // of before the jump, stored behind the first packet after it
    } else {
      const int64_t end = last != no_time ? last + std::max<int64_t>(1, duration)
                                          : *std::max_element(last_.begin(), last_.end());
      before_ = offset_;
      offset = offset_ = end - time;
    }
  }
  last = time + offset;
  return offset;
}

void FilmClock::correct(AVPacket& packet, const AVStream& stream) {
  if (!active_) return;
  const int64_t time = packet.dts != no_time ? packet.dts : packet.pts;
  int64_t offset = offset_;
  if (time != no_time && counts(stream))
    offset = offset_for(av_rescale_q(time, stream.time_base, clock_base),
                        av_rescale_q(packet.duration, stream.time_base, clock_base),
                        static_cast<size_t>(stream.index));
  offset = av_rescale_q(offset, clock_base, stream.time_base);
  if (packet.pts != no_time) packet.pts += offset;
  if (packet.dts != no_time) packet.dts += offset;
}

}  // namespace esrgan::video
