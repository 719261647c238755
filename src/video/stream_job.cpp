#include <esrgan/error.h>

#include <optional>
#include <tuple>

#include "base/file.h"
#include "base/platform_pipe.h"
#include "video/jobs.h"
#include "video/pixel_formats.h"
#include "video/stream_output.h"

namespace esrgan::video {
namespace {

StreamShape choose_shape(const SourceFacts& facts, const FrameNetwork& network, const VideoOptions& options) {
  StreamShape shape;
  FrameShape& frames = shape.frames;
  const AVPixelFormat wanted = facts.colour.matrix == AVCOL_SPC_RGB
                                   ? full_colour_format(channels_of(facts.format), depth_of(facts.format))
                                   : facts.format;
  frames.format =
      options.pixel_format.empty() ? stream_format(wanted) : av_get_pix_fmt(options.pixel_format.c_str());
  if (frames.format == AV_PIX_FMT_NONE || stream_format(frames.format) != frames.format)
    throw Error(ErrorKind::invalid_argument, "", "--pixel-format",
                "one that YUV4MPEG2 has, such as yuv420p or yuv444p10le", options.pixel_format);
  frames.colour = colour_for(facts.colour, frames.format);
  frames.network_scale = network.scale();
  frames.dither = options.dither;
  std::tie(frames.width, frames.height) =
      output_size(facts, options.upscale, network, size_multiples(frames.format, facts.fields));
  shape.frame_rate = facts.frame_rate;
  shape.sample_aspect = facts.sample_aspect;
  shape.interlaced = facts.interlaced;
  shape.top_field_first = facts.top_field_first;
  return shape;
}

}  // namespace

VideoReport make_stream(const FrameSource& source, FrameNetwork& network, const std::string& output,
                        const VideoOptions& options, const VideoEvents& events) {
  const SourceFacts& facts = source.facts();
  if (options.share.count > 1)
    throw Error(ErrorKind::invalid_argument, "", "--segment",
                "a film as output: YUV4MPEG2 is written in one piece");
  const StreamShape shape = choose_shape(facts, network, options);
  std::optional<OutputPipe> pipe;
  std::optional<OutputFile> file;
  if (is_pipe(output))
    pipe.emplace(output, events.stop);
  else
    file.emplace(output);
  uint64_t written = 0;
  const auto write = [&](std::span<const uint8_t> bytes) {
    if (pipe)
      pipe->write(bytes);
    else
      file->write(bytes);
    written += bytes.size();
  };
  ProgressKeeper progress(events);
  progress.begin(facts.made_of(facts.plan.frames), 0, 0);
  const auto input =
      frames_for_network(source, network.radius(), options,
                         {.stop = events.stop,
                          .segment = [](size_t) { return true; },
                          .as_stored = [&](const AVFrame& frame) { return network.converts(frame); }});
  StreamOutput stream(shape, write, progress);
  if (facts.stored) network.convert_on_device(*facts.stored, shape.frames, stream.buffers());
  const PipelineCounts counts = run_pipeline(
      *input, stream,
      [&](FrameItem& item, const FrameItem* next, PixelsPool& pool) {
        network.upscale(item, next, pool, events.stop);
      },
      events.stop);
  if (file) file->commit();
  VideoReport report;
  report.width = shape.frames.width;
  report.height = shape.frames.height;
  report.encoder = "YUV4MPEG2";
  report.frames = counts.frames;
  report.repeated = counts.repeated;
  report.lost = counts.lost;
  report.damaged = counts.damaged;
  report.reused = network.reused();
  report.network_seconds = counts.network_seconds;
  report.bytes = written;
  tell_of_missing_end(facts.plan.findings.missing, report);
  return report;
}

}  // namespace esrgan::video
