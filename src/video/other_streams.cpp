#include "video/other_streams.h"

#include <algorithm>
#include <cmath>

#include "video/containers.h"

namespace esrgan::video {
namespace {

/// Opus decoders drop the first samples, and times in Matroska count from before these; FFmpeg 5's demuxer
/// takes that into account, but its muxer does not.
int64_t unwritten_padding(const AVStream& stream, const AVOutputFormat& container) {
  const AVCodecParameters& codec = *stream.codecpar;
  if (LIBAVFORMAT_VERSION_MAJOR != 59 || !holds_opus_delay(container) || codec.codec_id != AV_CODEC_ID_OPUS)
    return 0;
  return av_rescale_q(codec.initial_padding, rational(1, codec.sample_rate), stream.time_base);
}

}  // namespace

OtherStreams::OtherStreams(const MuxRequest& request)
    : request_(request), media_(open_media(request.others, {}, request.probe)), clock_(*media_.format) {
  if (request_.passed_over > 0)
    media_.seek(media_.origin() + std::llround(request_.passed_over / av_q2d(media_.video->time_base)));
}

void OtherStreams::route(const AVStream& from, int to, std::unique_ptr<PacketConverter> converter) {
  routes_.resize(std::max(routes_.size(), static_cast<size_t>(from.index) + 1));
  routes_[static_cast<size_t>(from.index)] = {to, std::move(converter)};
}

int64_t OtherStreams::limit(int64_t time, AVRational base) const {
  return time == INT64_MIN || time == INT64_MAX ? time : av_rescale_q(time, request_.time_base, base);
}

/// False for a packet outside the part; times are moved to its beginning.
bool OtherStreams::cut(AVPacket& packet, const AVStream& stream) const {
  const int64_t shown = packet.pts != no_time ? packet.pts : packet.dts;
  const int64_t begin = limit(request_.begin, stream.time_base), end = limit(request_.end, stream.time_base);
  const bool subtitle = stream.codecpar->codec_type == AVMEDIA_TYPE_SUBTITLE;
  if (shown >= end) return false;
  if (shown < begin) {
    if (!subtitle || packet.duration <= 0 || shown + packet.duration <= begin) return false;
    packet.duration -= begin - shown;
    packet.pts = packet.dts = begin;
  }
  if (subtitle && end != INT64_MAX && packet.duration > 0)
    packet.duration = std::min(packet.duration, end - std::max(shown, begin));
  const int64_t origin = av_rescale_q(request_.origin, request_.time_base, stream.time_base);
  if (packet.pts != no_time) packet.pts -= origin;
  packet.dts -= origin;
  return true;
}

void OtherStreams::hand_over(PacketPtr packet, const AVStream& stream, const AVOutputFormat& container) {
  const Route& route = routes_[static_cast<size_t>(stream.index)];
  if (is_cover(stream)) {
    packet->dts = packet->pts = 0;
    ready_.push_back({std::move(packet), route.stream, stream.time_base});
    return;
  }
  if (packet->dts == no_time) packet->dts = packet->pts;
  if (packet->dts == no_time) return;
  // What an edit list leaves out; only QuickTime's kind of file can say so again.
  if ((packet->flags & AV_PKT_FLAG_DISCARD) != 0 && !is_quicktime(container)) return;
  if (!cut(*packet, stream)) return;
  if (route.converter) {
    route.converter->send(packet.get(), [&](PacketPtr made) {
      ready_.push_back({std::move(made), route.stream, route.converter->time_base()});
    });
    return;
  }
  const int64_t padding = unwritten_padding(stream, container);
  if (packet->pts != no_time) packet->pts += padding;
  packet->dts += padding;
  ready_.push_back({std::move(packet), route.stream, stream.time_base});
}

void OtherStreams::finish() {
  ended_ = true;
  for (Route& route : routes_)
    if (route.converter)
      route.converter->send(nullptr, [&](PacketPtr made) {
        ready_.push_back({std::move(made), route.stream, route.converter->time_base()});
      });
}

std::optional<OtherPacket> OtherStreams::next(const AVOutputFormat& container) {
  while (ready_.empty() && !ended_) {
    PacketPtr packet = make_packet();
    if (!media_.read(*packet)) {
      finish();
      break;
    }
    const AVStream& stream = *media_.format->streams[packet->stream_index];
    clock_.correct(*packet, stream);
    const auto index = static_cast<size_t>(packet->stream_index);
    if (index < routes_.size() && routes_[index].stream >= 0) hand_over(std::move(packet), stream, container);
  }
  if (ready_.empty()) return {};
  OtherPacket first = std::move(ready_.front());
  ready_.pop_front();
  return first;
}

}  // namespace esrgan::video
