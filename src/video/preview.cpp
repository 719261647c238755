#include "video/preview.h"

#include <esrgan/error.h>

#include <algorithm>
#include <set>

#include "image/float_image.h"
#include "image/resize.h"
#include "image/writer.h"
#include "video/pixel_formats.h"

namespace esrgan::video {
namespace {

constexpr int shown_width = 480, shown_height = 270;  // of a frame, in its own pixels
constexpr int context = 32;                           // pixels around them that the network sees
constexpr int gap = 8;                                // pixels between pictures

/// The middle of a range.
struct Middle {
  int begin, size;
  Middle(int extent, int wanted)
      : begin(std::max(0, (extent - wanted) / 2)), size(std::min(extent, wanted)) {}
};

class Preview {
 public:
  Preview(FrameNetwork& network, const VideoEvents& events) : network_(network), events_(events) {}

  void add(const FrameItem& item) {
    const int channels = channels_of(static_cast<AVPixelFormat>(item.source->format));
    FloatImage frame;
    frame.width = item.source->width;
    frame.channels = channels;
    frame.pixels = item.parts.front();
    frame.height = static_cast<int>(frame.pixels.size() / frame.row_samples());
    const Middle x(frame.width, shown_width), y(frame.height, shown_height);
    const Middle seen_x(frame.width, x.size + 2 * context), seen_y(frame.height, y.size + 2 * context);

    FrameItem part;
    part.source = share(*item.source);
    part.source->width = seen_x.size;
    part.source->height = seen_y.size;
    part.parts.push_back(cut(frame, seen_x.begin, seen_y.begin, seen_x.size, seen_y.size).pixels);
    network_.upscale(part, nullptr, pool_, events_.stop);
    const int scale = network_.scale();
    FloatImage upscaled(seen_x.size * scale, seen_y.size * scale, channels);
    upscaled.pixels = std::move(part.parts.front());
    rows_.push_back(
        {resize_lanczos(cut(frame, x.begin, y.begin, x.size, y.size), x.size * scale, y.size * scale),
         cut(upscaled, (x.begin - seen_x.begin) * scale, (y.begin - seen_y.begin) * scale, x.size * scale,
             y.size * scale)});
  }

  FloatImage picture() const {
    int width = 0, height = -gap;
    for (const Row& row : rows_) {
      width = std::max(width, 2 * row.before.width + gap);
      height += row.before.height + gap;
    }
    FloatImage picture(width, height, 3);
    std::fill(picture.pixels.begin(), picture.pixels.end(), 1.0F);
    int top = 0;
    for (const Row& row : rows_) {
      paste(row.before, picture, 0, top);
      paste(row.after, picture, row.before.width + gap, top);
      top += row.before.height + gap;
    }
    return picture;
  }

  bool empty() const { return rows_.empty(); }

 private:
  struct Row {
    FloatImage before, after;
  };

  FrameNetwork& network_;
  const VideoEvents& events_;
  PixelsPool pool_;
  std::vector<Row> rows_;
};

}  // namespace

void make_preview(const FrameSource& source, FrameNetwork& network, const std::string& picture, int count,
                  const VideoEvents& events) {
  if (!can_write(picture.substr(picture.find_last_of('.') + 1)))
    throw Error(ErrorKind::unsupported, picture, "cannot be written as a picture",
                "an extension such as .png or .jpg");
  const Plan& plan = source.facts().plan;
  std::set<int64_t> numbers;
  for (int i = 0; i < count; ++i) numbers.insert((2 * i + 1) * plan.frames / (2 * count));
  const auto wants_segment = [&](size_t segment) {
    int64_t first = 0;
    for (size_t i = 0; i < segment; ++i) first += plan.segments[i].frames;
    const auto found = numbers.lower_bound(first);
    return found != numbers.end() && *found < first + plan.segments[segment].frames;
  };
  const auto frames = source.frames(
      {events.stop, wants_segment, [&](const FramePlace& place) { return numbers.contains(place.number); }});
  Preview preview(network, events);
  PixelsPool pool;
  frames->run(pool, [&](const FrameItem& item) {
    if (events.stop.stop_requested()) throw Cancelled();
    if (item.source && !item.parts.empty()) preview.add(item);
    return true;
  });
  if (preview.empty()) throw Error(ErrorKind::bad_data, picture, "none of the frames could be decoded");
  ImageInfo like;
  like.channels = 3;
  write_image(from_float_image(preview.picture(), SampleType::u8, like), picture);
}

}  // namespace esrgan::video
