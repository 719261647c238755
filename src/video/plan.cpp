#include "video/plan.h"

#include <esrgan/error.h>

#include <algorithm>
#include <cmath>
#include <limits>

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
      while (next < cuts_.size() && cuts_[next] - cuts_[cut] < chunk_frames) ++next;
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
      if (i == 0 ||
          (packets_[i].key && packets_[i].time > greatest && least_behind[later] > packets_[i].time))
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
      if (time < begin || time >= end) continue;
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

void cut(std::vector<Packet> packets, int64_t origin, const PlanRequest& request, Plan& plan,
         const std::string& path) {
  const bool part = request.start > 0 || request.duration > 0;
  const int64_t begin = request.start > 0 ? origin + ticks(request.start, plan.time_base) : first_time;
  const int64_t end =
      request.duration > 0 ? origin + ticks(request.start + request.duration, plan.time_base) : last_time;
  plan.origin = part ? origin + ticks(request.start, plan.time_base) : 0;
  Planner(std::move(packets), plan, begin, end, request).run();
  if (plan.segments.empty())
    throw Error(
        ErrorKind::bad_data, path,
        part ? "there is no frame between --start and --start + --duration" : "its video has no frame");
}

}  // namespace

std::pair<size_t, size_t> Plan::segments_of(size_t chunk) const {
  const auto first = std::find_if(segments.begin(), segments.end(),
                                  [&](const Segment& segment) { return segment.chunk == chunk; });
  const auto end =
      std::find_if(first, segments.end(), [&](const Segment& segment) { return segment.chunk != chunk; });
  return {static_cast<size_t>(first - segments.begin()), static_cast<size_t>(end - segments.begin())};
}

Plan plan_film(const std::string& path, const PlanRequest& request) {
  PacketReader reader(path);
  const Media& media = reader.media();
  Plan plan;
  plan.time_base = media.video->time_base;
  std::vector<Packet> packets;
  int64_t without = 0, greatest = first_time;
  const int64_t stop = request.duration > 0
                           ? media.origin() + ticks(request.start + request.duration + 10, plan.time_base)
                           : last_time;
  for (int64_t i = 0;; ++i) {
    const AVPacket* const packet = reader.read(i);
    if (packet == nullptr) break;
    if (request.stop.stop_requested()) throw Cancelled();
    reader.forget_before(i);
    if (packet->pts == no_time) ++without;
    // A single packet without a time: near the one before.
    const int64_t time = packet->pts != no_time   ? packet->pts
                         : packet->dts != no_time ? packet->dts
                         : packets.empty()        ? media.origin()
                                                  : packets.back().time + 1;
    packets.push_back({time, packet->pts != no_time && (packet->flags & AV_PKT_FLAG_KEY) != 0});
    if (packet->pts >= greatest && packet->pts < stop) {
      greatest = packet->pts;
      plan.last_duration = packet->duration;
    }
    if (packet->pts != no_time && packet->pts > stop && packet->dts > stop) break;
  }
  int64_t origin = media.origin();
  if (2 * without > static_cast<int64_t>(packets.size())) {
    plan.has_times = false;
    const AVRational base = av_inv_q(media.frame_rate());
    plan.first_count = origin = av_rescale_q(origin, plan.time_base, base);
    plan.time_base = base;
    plan.last_duration = 1;
    for (size_t i = 0; i < packets.size(); ++i) packets[i] = {origin + static_cast<int64_t>(i), i == 0};
  }
  if (plan.last_duration <= 0)
    plan.last_duration = std::max<int64_t>(1, av_rescale_q(1, av_inv_q(media.frame_rate()), plan.time_base));
  cut(std::move(packets), origin, request, plan, path);
  return plan;
}

Plan plan_pictures(const std::vector<int64_t>& times, AVRational time_base, const PlanRequest& request) {
  Plan plan;
  plan.time_base = time_base;
  plan.last_duration = 1;
  std::vector<Packet> packets;
  packets.reserve(times.size());
  for (const int64_t time : times) packets.push_back({time, true});
  cut(std::move(packets), times.empty() ? 0 : times.front(), request, plan, "the folder of pictures");
  return plan;
}

}  // namespace esrgan::video
