#include <esrgan/error.h>
#include <esrgan/image.h>

extern "C" {
#include <libavutil/pixdesc.h>
}

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "base/errors.h"
#include "base/file.h"
#include "image/writer.h"
#include "video/frame_assembler.h"
#include "video/jobs.h"
#include "video/pixel_formats.h"

namespace esrgan::video {
namespace {

namespace fs = std::filesystem;

/// The samples of a planar frame, channels interleaved.
Image to_image(const AVFrame& frame) {
  const auto format = static_cast<AVPixelFormat>(frame.format);
  const AVPixFmtDescriptor& desc = description(format);
  Image image;
  image.info.width = frame.width;
  image.info.height = frame.height;
  image.info.channels = desc.nb_components;
  image.info.type = stored_type(format);
  image.samples.resize(image.info.bytes());
  const size_t size = size_of(image.info.type);
  std::byte* to = image.samples.data();
  for (int y = 0; y < frame.height; ++y)
    for (int x = 0; x < frame.width; ++x)
      for (int c = 0; c < desc.nb_components; ++c, to += size) {
        const AVComponentDescriptor& component = desc.comp[c];
        std::memcpy(to,
                    frame.data[component.plane] +
                        static_cast<ptrdiff_t>(y) * frame.linesize[component.plane] +
                        static_cast<ptrdiff_t>(x) * component.step + component.offset,
                    size);
      }
  return image;
}

/// Pictures have the full range, whatever the film has.
Colour picture_colour(const Colour& colour, AVPixelFormat format) {
  Colour result = colour_for(colour, format);
  result.range = AVCOL_RANGE_JPEG;
  return result;
}

/// Writes each frame as a picture.
class PictureOutput : public FrameOutput {
 public:
  PictureOutput(FrameShape shape, std::function<std::string(int64_t)> path_of, ProgressKeeper& progress)
      : shape_(shape), path_of_(std::move(path_of)), progress_(progress) {}

  std::function<void()> prepare(FrameItem item, PixelsPool& pool) override {
    if (!item.source) return [] {};
    const int64_t number = item.number;
    if (!item.repeated)
      last_ = std::make_shared<const Image>(to_image(*assembler_.assemble(item, shape_, pool)));
    return [this, number, image = last_] {
      const std::string path = path_of_(number);
      write_image(*image, path);
      progress_.add_bytes(fs::file_size(path));
      progress_.frame_done();
    };
  }

 private:
  FrameShape shape_;
  std::function<std::string(int64_t)> path_of_;
  ProgressKeeper& progress_;
  FrameAssembler assembler_;
  std::shared_ptr<const Image> last_;
};

nlohmann::json side_json(const SourceFacts& facts, const std::vector<int64_t>& times) {
  const Colour& c = facts.colour;
  return {{"time_base", to_json(facts.time_base)},
          {"frame_rate", to_json(facts.frame_rate)},
          {"sample_aspect", to_json(facts.sample_aspect)},
          {"pixel_format", av_get_pix_fmt_name(facts.format)},
          {"colour", {c.matrix, c.range, c.primaries, c.transfer, c.chroma}},
          {"interlaced", facts.interlaced},
          {"top_field_first", facts.top_field_first},
          {"hdr", to_json(facts.hdr)},
          {"others", to_json(facts.others)},
          {"times", times}};
}

}  // namespace

VideoReport make_pictures(const FrameSource& source, FrameNetwork& network, const std::string& output,
                          const VideoOptions& options, const VideoEvents& events) {
  const SourceFacts& facts = source.facts();
  if (!can_write(options.image_format))
    throw Error(ErrorKind::invalid_argument, "", "--format",
                "an extension that can be written, such as png, jpg or tif", options.image_format);
  std::error_code error;
  fs::create_directories(output, error);
  if (error) throw file_error(output, "cannot be made", error.value());
  const int channels = channels_of(facts.format);
  const AVPixelFormat format =
      picture_format(channels == 2 ? 4 : channels, depth_of(facts.exact.value_or(facts.format)) > 8);
  const auto [width, height] = output_size(facts, options.upscale, network, {1, 1});
  const FrameShape shape{format,
                         width,
                         height,
                         picture_colour(facts.colour, format),
                         static_cast<double>(network.scale()),
                         options.dither};
  const auto path_of = [&](int64_t number) {
    char name[32];
    std::snprintf(name, sizeof name, "%08lld.", static_cast<long long>(number) + 1);
    return (fs::path(output) / (name + options.image_format)).string();
  };

  // All frames are decoded, so that their numbers and times are known; only those that are missing go on.
  const size_t segments = facts.plan.segments.size();
  std::vector<int64_t> times;
  ProgressKeeper progress(events);
  VideoReport report;
  int64_t total = 0;
  for (size_t i = 0; i < segments; ++i)
    if (is_mine(i, segments, options.share)) total += facts.plan.segments[i].frames;
  progress.begin(facts.made_of(total), 0, 0);
  const auto wants = [&](const FramePlace& place) {
    times.push_back(place.time);
    if (!is_mine(place.segment, segments, options.share)) return false;
    const bool there = fs::exists(path_of(place.number));
    if (there) ++report.resumed;
    return !there;
  };
  const auto input = frames_for_network(source, network.radius(), options,
                                        {events.stop, [](size_t) { return true; }, wants});
  PictureOutput pictures(shape, path_of, progress);
  const PipelineCounts counts = run_pipeline(
      *input, pictures,
      [&](FrameItem& item, const FrameItem* next, PixelsPool& pool) {
        network.upscale(item, next, pool, events.stop);
      },
      events.stop);

  const std::string text = side_json(facts, times).dump() + "\n";
  write_file(fs::path(output) / side_file, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  report.width = shape.width;
  report.height = shape.height;
  report.encoder = options.image_format;
  report.frames = counts.frames + report.resumed;
  report.repeated = counts.repeated;
  report.damaged = counts.damaged;
  report.lost = counts.lost;
  tell_of_missing_end(facts.plan.findings.missing, report);
  report.reused = network.reused();
  report.network_seconds = counts.network_seconds;
  for (size_t number = 0; number < times.size(); ++number)
    if (fs::exists(path_of(static_cast<int64_t>(number))))
      report.bytes += fs::file_size(path_of(static_cast<int64_t>(number)));
  return report;
}

}  // namespace esrgan::video
