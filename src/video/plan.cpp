#include "video/plan.h"

#include <esrgan/error.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "video/packet_inspector.h"

namespace esrgan::video {
namespace {

constexpr int64_t first_time = std::numeric_limits<int64_t>::min() + 1;
constexpr int64_t last_time = std::numeric_limits<int64_t>::max();

constexpr int64_t chunk_frames = 250;  // at least: a decoder's start is then a small part of its work
constexpr int64_t behind = 8;          // packets decoded past a chunk's end, for filters that look ahead
constexpr int64_t reordering = 64;     // most packets by which a frame is stored late

struct Packet {
  int64_t time;
  bool key;
  bool frame;  // whether one begins in it
};

class Planner {
 public:
  Planner(std::vector<Packet> packets, Plan& plan, int64_t begin, int64_t end, const PlanRequest& request)
      : packets_(std::move(packets)), plan_(plan), begin_(begin), end_(end), request_(request) {}

  void run() {
    find_cuts();
    size_t cut = 0;
    while (cut + 1 < cuts_.size() && time(cut + 1) <= begin_) ++cut;
    while (cut < cuts_.size() && begin_time(cut) < end_) {
      size_t next = cut + 1;
      while (next < cuts_.size() && (request_.one_chunk || cuts_[next] - cuts_[cut] < chunk_frames)) ++next;
      add_chunk(cut, next);
      cut = next;
    }
    for (const Segment& segment : plan_.segments) plan_.frames += segment.frames;
  }

 private:
  int64_t count() const { return static_cast<int64_t>(packets_.size()); }
  int64_t time(size_t cut) const { return packets_[static_cast<size_t>(cuts_[cut])].time; }
  int64_t begin_time(size_t cut) const { return cut == 0 ? first_time : time(cut); }
  int64_t end_time(size_t cut) const { return cut < cuts_.size() ? time(cut) : last_time; }

  /// Key packets that part the film: all frames stored before them come before them, and none of the later
  /// ones does but those that are stored right behind them.
  void find_cuts() {
    const size_t total = packets_.size();
    std::vector<int64_t> least_behind(total + 1, last_time);
    for (size_t i = total; i-- > 0;) least_behind[i] = std::min(least_behind[i + 1], packets_[i].time);
    int64_t greatest = first_time;
    for (size_t i = 0; i < total; ++i) {
      const size_t later = std::min(total, i + static_cast<size_t>(reordering));
      if (i == 0 || (packets_[i].key && packets_[i].frame && packets_[i].time > greatest &&
                     least_behind[later] > packets_[i].time))
        cuts_.push_back(static_cast<int64_t>(i));
      greatest = std::max(greatest, packets_[i].time);
    }
  }

  void add_chunk(size_t cut, size_t next) {
    const int64_t begin = std::max(begin_, begin_time(cut)), end = std::min(end_, end_time(next));
    Chunk chunk{0, 0, begin, end};
    // With a key frame more than is needed: not all that are called so can be decoded from at once.
    chunk.first_packet = cuts_[cut];
    while (chunk.first_packet > 0 && !packets_[static_cast<size_t>(--chunk.first_packet)].key) {
    }
    chunk.end_packet = cuts_[cut];
    std::vector<int64_t> times;
    const int64_t search_end = next < cuts_.size() ? std::min(count(), cuts_[next] + reordering) : count();
    for (int64_t i = cuts_[cut]; i < search_end; ++i) {
      const int64_t time = packets_[static_cast<size_t>(i)].time;
      if (time < begin || time >= end || !packets_[static_cast<size_t>(i)].frame) continue;
      times.push_back(time);
      chunk.end_packet = std::max(chunk.end_packet, i + 1);
    }
    if (times.empty()) return;
    chunk.end_packet = std::min(count(), chunk.end_packet + behind);
    std::sort(times.begin(), times.end());
    const auto frames = static_cast<int64_t>(times.size());
    const int64_t parts = (frames + request_.segment_frames - 1) / request_.segment_frames;
    int64_t from = begin;
    for (int64_t part = 0; part < parts; ++part) {
      const auto last = static_cast<size_t>(frames * (part + 1) / parts);
      const int64_t to = part + 1 == parts ? end : times[last];
      const auto inside = std::lower_bound(times.begin(), times.end(), to) -
                          std::lower_bound(times.begin(), times.end(), from);
      if (inside == 0) continue;  // several frames of one time
      plan_.segments.push_back({from, to, inside, plan_.chunks.size()});
      from = to;
    }
    plan_.chunks.push_back(chunk);
  }

  std::vector<Packet> packets_;
  Plan& plan_;
  int64_t begin_, end_;
  const PlanRequest& request_;
  std::vector<int64_t> cuts_;  // numbers of packets
};

int64_t ticks(double seconds, AVRational base) {
  return std::llround(seconds / av_q2d(base));
}

/// start: time of the film's beginning.
void cut(std::vector<Packet> packets, int64_t start, const PlanRequest& request, Plan& plan,
         const std::string& path) {
  const bool part = request.start > 0 || request.duration > 0;
  const int64_t begin = request.start > 0 ? start + ticks(request.start, plan.time_base) : first_time;
  const int64_t end =
      request.duration > 0 ? start + ticks(request.start + request.duration, plan.time_base) : last_time;
  if (!request.keep_start)
    plan.origin = part ? start + ticks(request.start, plan.time_base) : std::max<int64_t>(0, start);
  Planner(std::move(packets), plan, begin, end, request).run();
  if (plan.segments.empty())
    throw Error(
        ErrorKind::bad_data, path,
        part ? "there is no frame between --start and --start + --duration" : "its video has no frame");
}

/// The times of frames of AVI, whose packets have no times but that of their decoding: each frame has the
/// next one's, later by as many as the codec reorders. Where a packet holds two, a placeholder has the time
/// of the second.
class FrameCounter {
 public:
  void add(int64_t decoded, int frames) {
    waiting_ += frames;
    if (waiting_ == 0) return;  // nothing new is shown
    --waiting_;
    times_.push_back(decoded);
  }
  std::vector<int64_t> times(int64_t delay) {
    std::sort(times_.begin(), times_.end());
    for (int64_t& time : times_) time += delay;
    return std::move(times_);
  }

 private:
  std::vector<int64_t> times_;
  int64_t waiting_ = 0;
};

/// All that is known of a film's packets.
struct FilmPackets {
  std::vector<Packet> packets;
  std::vector<PacketPlace> places;  // of key packets
  int64_t without_time = 0;
  FrameCounter counter;
};

/// Streams of which opening the film has told no more than that they are there.
std::vector<int> unknown_streams(const AVFormatContext& format) {
  std::vector<int> streams;
  for (unsigned i = 0; i < format.nb_streams; ++i) {
    const AVCodecParameters& codec = *format.streams[i]->codecpar;
    if (codec.codec_id == AV_CODEC_ID_NONE ||
        (codec.codec_type == AVMEDIA_TYPE_AUDIO && codec.sample_rate == 0) ||
        (codec.codec_type == AVMEDIA_TYPE_VIDEO && codec.width == 0))
      streams.push_back(static_cast<int>(i));
  }
  return streams;
}

FilmPackets read_packets(PacketReader& reader, const PlanRequest& request, Plan& plan) {
  const Media& media = reader.media();
  const std::vector<int> unknown = unknown_streams(*media.format);
  const unsigned known = media.format->nb_streams;
  FilmPackets all;
  PacketInspector inspector(*media.video);
  FilmFindings& found = plan.findings;
  int64_t greatest = first_time;
  const int64_t stop = request.duration > 0
                           ? media.origin() + ticks(request.start + request.duration + 10, plan.time_base)
                           : last_time;
  for (int64_t i = 0;; ++i) {
    const AVPacket* const packet = reader.read(i);
    if (packet == nullptr) break;
    if (request.stop.stop_requested()) throw Cancelled();
    reader.forget_before(i);
    if (packet->pts == no_time) ++all.without_time;
    const PacketFacts facts = inspector.look(*packet);
    // A single packet without a time: near the one before.
    const int64_t time = packet->pts != no_time   ? packet->pts
                         : packet->dts != no_time ? packet->dts
                         : all.packets.empty()    ? media.origin()
                                                  : all.packets.back().time + 1;
    const bool key = packet->pts != no_time && (packet->flags & AV_PKT_FLAG_KEY) != 0;
    all.packets.push_back({time, key, facts.frames > 0});
    if (key) all.places.push_back(PacketReader::place_of(*packet, i));
    if (packet->dts != no_time) all.counter.add(packet->dts, facts.frames);
    if (facts.frames > 0) {
      found.whole += facts.fields == Fields::whole ? 1 : 0;
      found.top_first += facts.fields == Fields::top_first ? 1 : 0;
      found.bottom_first += facts.fields == Fields::bottom_first ? 1 : 0;
    }
    if (packet->pts >= greatest && packet->pts < stop && (packet->flags & AV_PKT_FLAG_DISCARD) == 0) {
      greatest = packet->pts;
      plan.last_duration =
          packet->duration + (facts.frames > 0 ? 0 : plan.last_duration);  // of a second field
    }
    if (packet->pts != no_time && packet->pts > stop && packet->dts > stop) break;
  }
  const std::vector<int64_t>& positions = reader.first_positions();
  for (size_t stream = 0; stream < positions.size(); ++stream)
    if (positions[stream] >= 0 && (stream >= known || std::find(unknown.begin(), unknown.end(),
                                                                static_cast<int>(stream)) != unknown.end()))
      found.late.emplace_back(static_cast<int>(stream), positions[stream]);
  return all;
}

/// Times of frames that are counted, and the packets that stand for them.
void count_frames(const Media& media, FilmPackets& all, Plan& plan) {
  const AVRational rate = media.frame_rate();
  const bool raw = (media.format->iformat->flags & AVFMT_NOTIMESTAMPS) != 0;
  if (raw) {
    plan.time_base = av_inv_q(rate);
    for (const Packet& packet : all.packets)
      if (packet.frame) plan.counted.push_back(static_cast<int64_t>(plan.counted.size()));
  } else {
    const int64_t frame = av_rescale_q(1, av_inv_q(rate), plan.time_base);
    plan.counted = all.counter.times(media.video->codecpar->video_delay * frame);
  }
  plan.last_duration = av_rescale_q(1, av_inv_q(rate), plan.time_base);
  all.places.clear();
  all.packets.clear();
  for (const int64_t time : plan.counted) all.packets.push_back({time, all.packets.empty(), true});
}

}  // namespace

std::pair<size_t, size_t> Plan::segments_of(size_t chunk) const {
  const auto first = std::find_if(segments.begin(), segments.end(),
                                  [&](const Segment& segment) { return segment.chunk == chunk; });
  const auto end =
      std::find_if(first, segments.end(), [&](const Segment& segment) { return segment.chunk != chunk; });
  return {static_cast<size_t>(first - segments.begin()), static_cast<size_t>(end - segments.begin())};
}

Plan plan_film(const FilmFile& file, const PlanRequest& request) {
  constexpr double before =
      15;  // seconds: a key frame more than is needed, and subtitles that are still shown
  Plan plan;
  plan.begin = std::max(0.0, request.start - before);
  PacketReader reader(file, plan.begin);
  const Media& media = reader.media();
  plan.time_base = media.video->time_base;
  plan.findings.missing = missing_end(media);
  FilmPackets all = read_packets(reader, request, plan);
  const auto packets = static_cast<int64_t>(all.packets.size());
  const int64_t start = media.origin();
  if (2 * all.without_time > packets) count_frames(media, all, plan);
  if (plan.last_duration <= 0)
    plan.last_duration = std::max<int64_t>(1, av_rescale_q(1, av_inv_q(media.frame_rate()), plan.time_base));
  cut(std::move(all.packets),
      plan.counted.empty() ? start : av_rescale_q(start, media.video->time_base, plan.time_base), request,
      plan, file.path);
  for (Chunk& chunk : plan.chunks) {
    if (!plan.counted.empty()) chunk.end_packet = packets;
    const auto place = std::find_if(all.places.begin(), all.places.end(), [&](const PacketPlace& known) {
      return known.number == chunk.first_packet;
    });
    if (place != all.places.end()) chunk.place = *place;
  }
  return plan;
}

Plan plan_pictures(const std::vector<int64_t>& times, AVRational time_base, const PlanRequest& request) {
  Plan plan;
  plan.time_base = time_base;
  plan.last_duration = 1;
  std::vector<Packet> packets;
  packets.reserve(times.size());
  for (const int64_t time : times) packets.push_back({time, true, true});
  cut(std::move(packets), times.empty() ? 0 : times.front(), request, plan, "the folder of pictures");
  return plan;
}

}  // namespace esrgan::video
