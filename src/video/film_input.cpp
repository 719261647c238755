#include "video/film_input.h"

#include <esrgan/error.h>

extern "C" {
#include <libavutil/imgutils.h>
}

#include <algorithm>
#include <cstring>

#include "video/ffmpeg_compat.h"
#include "video/frame_pixels.h"

namespace esrgan::video {
namespace {

/// Whether two frames show the same, sample by sample.
bool same_picture(const AVFrame& a, const AVFrame& b) {
  if (a.format != b.format || a.width != b.width || a.height != b.height || a.colorspace != b.colorspace ||
      a.color_range != b.color_range || is_interlaced(a) != is_interlaced(b) ||
      has_top_field_first(a) != has_top_field_first(b) || a.color_primaries != b.color_primaries ||
      a.color_trc != b.color_trc || a.chroma_location != b.chroma_location)
    return false;
  const auto format = static_cast<AVPixelFormat>(a.format);
  const AVPixFmtDescriptor& desc = description(format);
  if ((desc.flags & AV_PIX_FMT_FLAG_PAL) != 0 && std::memcmp(a.data[1], b.data[1], AVPALETTE_SIZE) != 0)
    return false;
  for (int plane = 0; plane < av_pix_fmt_count_planes(format); ++plane) {
    if (a.data[plane] == b.data[plane]) continue;  // the decoder's own reference
    const bool chroma = plane == 1 || plane == 2;
    const int rows = AV_CEIL_RSHIFT(a.height, chroma ? desc.log2_chroma_h : 0);
    const auto bytes = static_cast<size_t>(av_image_get_linesize(format, a.width, plane));
    for (ptrdiff_t row = 0; row < rows; ++row)
      if (std::memcmp(a.data[plane] + row * a.linesize[plane], b.data[plane] + row * b.linesize[plane],
                      bytes) != 0)
        return false;
  }
  return true;
}

/// The frame's pixels, or those of both `fields`. `readers` are kept for the next frame.
std::vector<Pixels> read_parts(const AVFrame& frame, bool fields, PixelsPool& pool,
                               std::optional<FrameReader> (&readers)[3]) {
  const auto read = [&](Lines lines) {
    return read_pixels(frame, lines, readers[static_cast<int>(lines)], pool);
  };
  std::vector<Pixels> parts;
  if (fields) {
    parts.push_back(read(Lines::top));
    parts.push_back(read(Lines::bottom));
  } else {
    parts.push_back(read(Lines::all));
  }
  return parts;
}

/// Whether filters make more or fewer frames of those that are decoded.
bool changes_count(const DecodeOptions& options) {
  return options.fps.num > 0 || options.interlaced == Interlaced::double_rate ||
         options.interlaced == Interlaced::film;
}

}  // namespace

FilmInput::FilmInput(std::shared_ptr<PacketReader> reader, const Plan& plan, const DecodeOptions& options,
                     FrameChoice choice)
    : reader_(std::move(reader)),
      plan_(plan),
      options_(options),
      choice_(std::move(choice)),
      decoder_(*reader_, plan, options) {}

/// The segment among [first, end) that a frame belongs to, or `end`.
size_t FilmInput::segment_at(int64_t time, size_t first, size_t end) const {
  const auto before = [&](int64_t limit) {
    // The outermost limits stand for no limit and cannot be compared in other units.
    if (limit == plan_.segments.front().begin && limit < INT64_MIN / 2) return false;
    if (limit > INT64_MAX / 2) return true;
    return av_compare_ts(time, decoder_.time_base(), limit, plan_.time_base) < 0;
  };
  if (before(plan_.segments[first].begin)) return end;
  for (size_t segment = first; segment < end; ++segment)
    if (before(plan_.segments[segment].end)) return segment;
  return end;
}

void FilmInput::run(PixelsPool& pool, const std::function<bool(FrameItem)>& take) {
  for (size_t chunk = 0; chunk < plan_.chunks.size() && !ended_; ++chunk) run_chunk(chunk, pool, take);
}

void FilmInput::run_chunk(size_t chunk, PixelsPool& pool, const std::function<bool(FrameItem)>& take) {
  const std::pair<size_t, size_t> range = plan_.segments_of(chunk);
  const size_t first = range.first, end = range.second;
  size_t last_wanted = end;
  for (size_t segment = first; segment < end; ++segment)
    if (choice_.segment(segment)) last_wanted = segment;
  const int64_t first_number = number_;
  int64_t next_number = number_;
  for (size_t segment = first; segment < end; ++segment) next_number += plan_.segments[segment].frames;
  if (last_wanted == end) {
    number_ = next_number;
    return;
  }
  reader_->forget_before(plan_.chunks[chunk].first_packet);

  std::optional<FrameReader> readers[3];
  size_t current = first;
  const int64_t lost = decoder_.lost(), damaged = decoder_.damaged();
  int64_t found = 0;  // frames of the chunk
  const auto end_segment = [&] {
    FrameItem item;
    item.segment = current;
    if (current == last_wanted) {
      item.counts.lost = decoder_.lost() - lost;
      // What a decoder leaves out without a word, as it does before the first frame that it can decode.
      if (last_wanted + 1 == end && !changes_count(options_))
        item.counts.lost = std::max(item.counts.lost, next_number - first_number - found);
      item.counts.damaged = decoder_.damaged() - damaged;
    }
    if (choice_.segment(current) && !take(std::move(item))) ended_ = true;
    ++current;
    return !ended_;
  };
  const int64_t keep_from =
      chunk + 1 < plan_.chunks.size() ? plan_.chunks[chunk + 1].first_packet : INT64_MAX;
  decoder_.decode(plan_.chunks[chunk], keep_from, [&](FramePtr frame) {
    if (choice_.stop.stop_requested()) throw Cancelled();
    const size_t segment = segment_at(frame->pts, first, end);
    if (segment == end) return true;
    ++found;
    while (current < segment)
      if (!end_segment()) return false;
    if (current > last_wanted) return false;  // the rest is there already
    const FramePlace place{number_++, frame->pts, segment};
    if (!choice_.segment(segment) || (choice_.frame && !choice_.frame(place))) return true;
    FrameItem item;
    item.number = place.number;
    item.segment = segment;
    item.repeated = last_ && same_picture(*frame, *last_);
    const bool fields = options_.keep_fields && is_interlaced(*frame);
    if (!item.repeated && (fields || !choice_.as_stored || !choice_.as_stored(*frame)))
      item.parts = read_parts(*frame, fields, pool, readers);
    last_ = share(*frame);
    item.source = std::move(frame);
    ended_ = !take(std::move(item));
    return !ended_;
  });
  while (!ended_ && current <= last_wanted) end_segment();
  if (last_wanted + 1 < end) number_ = next_number;  // the rest was not decoded
}

FramePtr FilmInput::first_frame() {
  FramePtr found;
  for (size_t chunk = 0; chunk < plan_.chunks.size() && !found; ++chunk)
    decoder_.decode(plan_.chunks[chunk], 0, [&](FramePtr frame) {
      const auto [first, end] = plan_.segments_of(chunk);
      if (segment_at(frame->pts, first, end) == end) return true;
      found = std::move(frame);
      return false;
    });
  return found;
}

}  // namespace esrgan::video
