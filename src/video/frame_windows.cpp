#include "video/frame_windows.h"

#include <esrgan/error.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <sstream>
#include <utility>

#include "image/shot.h"
#include "video/pixel_formats.h"
#include "video/source.h"

namespace esrgan::video {
namespace {

/// A frame that waits for those behind it, or is kept for them.
struct Entry {
  FrameItem item;  ///< without pixels
  std::vector<SharedPixels> parts;
  bool wanted = false, begins_shot = false;
  std::vector<FrameItem> ends;  ///< of segments, behind it
};

bool same_kind(const Entry& a, const Entry& b) {
  const AVFrame &x = *a.item.source, &y = *b.item.source;
  return x.width == y.width && x.height == y.height && x.format == y.format &&
         a.parts.size() == b.parts.size();
}

/// What is wanted, and how shots are told.
struct Wishes {
  FrameChoice wanted;
  size_t radius = 0;
  std::optional<Cuts> cuts;
};

/// One walk over the frames.
class Walk {
 public:
  Walk(const Wishes& wishes, const std::function<bool(FrameItem)>& take) : wishes_(wishes), take_(take) {}

  /// False when no more is wanted.
  bool add(FrameItem item) {
    if (!item.source) return end_segment(std::move(item));
    Entry entry;
    if (item.repeated && !entries_.empty())
      entry.parts = entries_.back().parts;
    else
      for (Pixels& part : item.parts) entry.parts.push_back(std::make_shared<const Pixels>(std::move(part)));
    const FrameChoice& wanted = wishes_.wanted;
    entry.wanted = wanted.segment(item.segment) &&
                   (!wanted.frame || wanted.frame({item.number, item.source->pts, item.segment}));
    item.parts.clear();
    entry.item = std::move(item);
    entry.begins_shot = entries_.empty() || begins_shot(entries_.back(), entry);
    entries_.push_back(std::move(entry));
    while (entries_.size() > next_ + wishes_.radius)
      if (!hand_over()) return false;
    return true;
  }

  /// Nothing follows.
  void finish() {
    while (next_ < entries_.size() && hand_over()) {
    }
  }

 private:
  bool begins_shot(const Entry& before, const Entry& after) const {
    if (after.item.number != before.item.number + 1 || !same_kind(before, after)) return true;
    if (wishes_.cuts) return wishes_.cuts->contains(after.item.number);
    if (before.parts.front() == after.parts.front()) return false;
    return looks_like_cut(*before.parts.front(), *after.parts.front(),
                          channels_of(static_cast<AVPixelFormat>(after.item.source->format)));
  }

  bool end_segment(FrameItem end) {
    if (!wishes_.wanted.segment(end.segment)) return true;
    if (next_ == entries_.size()) return take_(std::move(end));
    entries_.back().ends.push_back(std::move(end));
    return true;
  }

  /// The next one, for which those behind it are there.
  bool hand_over() {
    const size_t at = next_++;
    Entry& entry = entries_[at];
    bool going = true;
    if (entry.wanted) {
      FrameItem item;
      item.source = share(*entry.item.source);
      item.number = entry.item.number;
      item.segment = entry.item.segment;
      for (size_t part = 0; part < entry.parts.size(); ++part) item.windows.push_back(window(at, part));
      item.repeated = item.windows == last_;
      last_ = item.windows;
      if (item.repeated) item.windows.clear();
      going = take_(std::move(item));
    }
    for (FrameItem& end : entry.ends) going = going && take_(std::move(end));
    entry.ends.clear();
    for (; next_ > wishes_.radius; --next_) entries_.pop_front();
    return going;
  }

  std::vector<SharedPixels> window(size_t at, size_t part) const {
    const size_t radius = wishes_.radius;
    std::vector<SharedPixels> frames(2 * radius + 1);
    size_t before = at, behind = at;
    frames[radius] = entries_[at].parts[part];
    for (size_t distance = 1; distance <= radius; ++distance) {
      if (before > 0 && !entries_[before].begins_shot) --before;
      if (behind + 1 < entries_.size() && !entries_[behind + 1].begins_shot) ++behind;
      frames[radius - distance] = entries_[before].parts[part];
      frames[radius + distance] = entries_[behind].parts[part];
    }
    return frames;
  }

  const Wishes& wishes_;
  const std::function<bool(FrameItem)>& take_;
  std::deque<Entry> entries_;  // at most `radius` that were handed over, then those that were not
  size_t next_ = 0;
  std::vector<std::vector<SharedPixels>> last_;  // handed over
};

class FrameWindows : public FrameInput {
 public:
  FrameWindows(std::unique_ptr<FrameInput> frames, Wishes wishes)
      : frames_(std::move(frames)), wishes_(std::move(wishes)) {}

  void run(PixelsPool& pool, const std::function<bool(FrameItem)>& take) override {
    Walk walk(wishes_, take);
    bool going = true;
    frames_->run(pool, [&](FrameItem item) { return going = walk.add(std::move(item)); });
    if (going) walk.finish();
  }

 private:
  std::unique_ptr<FrameInput> frames_;
  Wishes wishes_;
};

/// Of each segment whether it is wanted, or has frames within `radius` of one that is.
std::vector<bool> with_neighbours(const Plan& plan, const std::function<bool(size_t)>& wanted, int radius) {
  const size_t count = plan.segments.size();
  std::vector<bool> needed(count);
  for (size_t i = 0; i < count; ++i) {
    if (!wanted(i)) continue;
    needed[i] = true;
    // Plans may be wrong by some frames.
    const int64_t frames = 2 * static_cast<int64_t>(radius);
    for (int64_t seen = 0, j = static_cast<int64_t>(i) - 1; j >= 0 && seen < frames; --j) {
      needed[static_cast<size_t>(j)] = true;
      seen += plan.segments[static_cast<size_t>(j)].frames;
    }
    int64_t seen = 0;
    for (size_t j = i + 1; j < count && seen < frames; ++j) {
      needed[j] = true;
      seen += plan.segments[j].frames;
    }
  }
  return needed;
}

}  // namespace

Cuts read_cuts(const std::string& file) {
  std::ifstream in(file);
  if (!in) throw Error(ErrorKind::not_found, file, "cannot be opened");
  Cuts cuts;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    std::istringstream text(line.substr(0, line.find('#')));
    int64_t frame = 0;
    if ((text >> std::ws).eof()) continue;
    if (!(text >> frame) || frame < 0 || !(text >> std::ws).eof())
      throw Error(ErrorKind::bad_data, file + ":" + std::to_string(number),
                  "the number of a frame that begins a shot", "a whole number, from 0", "'" + line + "'");
    cuts.insert(frame);
  }
  return cuts;
}

std::unique_ptr<FrameInput> frames_for_network(const FrameSource& source, int radius,
                                               const VideoOptions& options, FrameChoice wanted) {
  if (radius == 0) return source.frames(std::move(wanted));
  std::optional<Cuts> cuts;
  if (!options.cuts.empty()) cuts = read_cuts(options.cuts);
  FrameChoice all;
  all.stop = wanted.stop;
  all.segment = [needed = with_neighbours(source.facts().plan, wanted.segment, radius)](size_t segment) {
    return needed[segment];
  };
  return std::make_unique<FrameWindows>(
      source.frames(std::move(all)), Wishes{std::move(wanted), static_cast<size_t>(radius), std::move(cuts)});
}

}  // namespace esrgan::video
