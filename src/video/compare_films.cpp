#include <esrgan/error.h>
#include <esrgan/video.h>

#include <cmath>
#include <memory>
#include <optional>

#include "base/errors.h"
#include "metrics/flicker.h"
#include "metrics/metrics.h"
#include "video/pixel_formats.h"
#include "video/source.h"

namespace esrgan {
namespace {

using namespace video;

/// A film, frame by frame.
class Film {
 public:
  Film(const std::string& file, const std::stop_token& stop)
      : source_(open_source(
            file, options(), {}, [](int, int, SampleType) { return 1.0; }, stop)),
        frames_(source_->frames({stop, [](size_t) { return true; }, {}})) {}

  /// The next frame, in colours (or gray) from 0 to 1; null behind the last.
  const FloatImage* next() {
    std::optional<FrameItem> item = frames_.next();
    while (item && !item->source) item = frames_.next();
    if (!item) return nullptr;
    if (item->repeated) return &frame_;
    frame_.channels = channels_of(static_cast<AVPixelFormat>(item->source->format));
    frame_.width = item->source->width;
    frame_.height = item->source->height;
    frame_.pixels = std::move(item->parts.front());
    return &frame_;
  }

 private:
  static VideoOptions options() {
    VideoOptions whole;
    whole.interlaced = Interlaced::deinterlace;  // whole frames
    return whole;
  }

  std::unique_ptr<FrameSource> source_;
  PulledFrames frames_;
  FloatImage frame_;
};

}  // namespace

namespace {

double mean_of(const std::vector<FilmQuality::Frame>& frames, double FilmQuality::Frame::*number) {
  double sum = 0;
  for (const FilmQuality::Frame& frame : frames) sum += frame.*number;
  return frames.empty() ? 0 : sum / static_cast<double>(frames.size());
}

}  // namespace

double FilmQuality::psnr() const {
  return mean_of(frames, &Frame::psnr);
}

double FilmQuality::ssim() const {
  return mean_of(frames, &Frame::ssim);
}

FilmQuality compare_films(const std::string& truth, const std::string& film, const FilmComparison& comparison,
                          const VideoEvents& events) {
  return with_errors([&] {
    capture_messages();
    Film expected(truth, events.stop), found(film, events.stop);
    FilmQuality quality;
    FlickerMeter meter;
    double squares = 0, true_squares = 0, weight = 0;
    for (;;) {
      const FloatImage *const a = expected.next(), *const b = found.next();
      if (events.stop.stop_requested()) throw Cancelled();
      if (a == nullptr || b == nullptr) {
        quality.same_length = a == b;
        break;
      }
      const Quality of_frame =
          compare(*a, *b, comparison.crop, comparison.rgb ? MetricChannels::rgb : MetricChannels::y);
      const std::optional<Flicker> flicker = meter.next(*a, *b);
      quality.frames.push_back({of_frame.psnr, of_frame.ssim, flicker ? flicker->film : -1});
      if (flicker) {
        squares += flicker->share * flicker->film * flicker->film;
        true_squares += flicker->share * flicker->truth * flicker->truth;
        weight += flicker->share;
      }
      if (events.progress) events.progress({static_cast<int64_t>(quality.frames.size()), 0, 0, -1, 0});
    }
    if (weight > 0) {
      quality.flicker = std::sqrt(squares / weight);
      quality.true_flicker = std::sqrt(true_squares / weight);
    }
    return quality;
  });
}

}  // namespace esrgan
