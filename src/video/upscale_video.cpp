#include <esrgan/error.h>
#include <esrgan/version.h>
#include <esrgan/video.h>

#include <chrono>
#include <filesystem>

#include "base/errors.h"
#include "base/platform_pipe.h"
#include "base/text.h"
#include "video/containers.h"
#include "video/frame_windows.h"
#include "video/jobs.h"
#include "video/preview.h"
#include "weights/builtin.h"

namespace esrgan {
namespace {

namespace fs = std::filesystem;

void check(const VideoOptions& options) {
  const auto refuse = [](const std::string& option, const std::string& expected, double found) {
    throw Error(ErrorKind::invalid_argument, "", option, expected, text_of(found));
  };
  if (!(options.start >= 0 && options.start < 1e9))
    refuse("--start", "seconds from the beginning", options.start);
  if (!(options.duration >= 0 && options.duration < 1e9))
    refuse("--duration", "a number of seconds", options.duration);
  if (options.fps_numerator < 0 || options.fps_denominator <= 0)
    refuse("--fps", "frames per second, such as 30 or 24000/1001", options.fps_numerator);
  if (options.segment_frames < 0) refuse("--segment-frames", "a number of frames", options.segment_frames);
  if (options.share.number < 1 || options.share.number > options.share.count)
    throw Error(ErrorKind::invalid_argument, "", "--segment", "I/N with 1 <= I <= N",
                std::to_string(options.share.number) + "/" + std::to_string(options.share.count));
}

/// All that a film's frames depend on.
nlohmann::json model_identity(const std::string& model) {
  const auto builtin = builtin_bytes(model);
  return builtin ? video::identity_of(*builtin) : video::file_identity(model);
}

nlohmann::json identity(const std::string& model, const video::FrameSource& source,
                        const VideoOptions& options) {
  const UpscaleOptions& up = options.upscale;
  return {{"input", source.identity()},
          {"model", model.empty() ? nlohmann::json() : model_identity(model)},
          {"version", version()},
          {"video-stream", options.video_stream},
          {"scale", up.scale},
          {"size", {up.width, up.height, up.fit, up.longest}},
          {"tile", up.tile},
          {"halo", up.halo},
          {"self-ensemble", up.self_ensemble},
          {"precision", static_cast<int>(up.precision)},
          {"denoise-tv", up.denoise_tv},
          {"strength", up.strength},
          {"tasks", {up.denoise, up.deblur}},
          {"start", options.start},
          {"duration", options.duration},
          {"fps", {options.fps_numerator, options.fps_denominator}},
          {"deinterlace", static_cast<int>(options.interlaced)},
          {"dither", static_cast<int>(options.dither)},
          {"cuts", options.cuts.empty() ? nlohmann::json() : nlohmann::json(video::read_cuts(options.cuts))},
          {"hwaccel", options.hardware},
          {"encoder", options.encoder},
          {"crf", options.crf},
          {"encoder-options", options.encoder_options},
          {"pixel-format", options.pixel_format},
          {"segment-frames", options.segment_frames}};
}

/// A folder that exists, or a name that ends in "/".
bool is_folder(const std::string& output) {
  return output.ends_with('/') || fs::is_directory(output);
}

/// YUV4MPEG2 has no place for anything but frames.
bool is_stream(const std::string& output) {
  return is_pipe(output) || fs::path(output).extension() == ".y4m";
}

video::OutputKind kind_of(const std::string& output) {
  if (is_folder(output)) return {};
  if (is_stream(output)) return {.is_even = true};
  return {video::keeps_rotation(output), video::keeps_start(output), false};
}

std::unique_ptr<video::FrameSource> open_input(const std::string& input, const VideoOptions& options,
                                               video::OutputKind kind, video::FrameNetwork& network,
                                               const VideoEvents& events) {
  return video::open_source(
      input, options, kind,
      [&](int width, int height, SampleType stored) { return network.work(width, height, stored); },
      events.stop);
}

}  // namespace

VideoReport upscale_video(const std::string& model_file, const std::string& input, const std::string& output,
                          const VideoOptions& options, const VideoEvents& events) {
  return with_errors([&] {
    const auto start = std::chrono::steady_clock::now();
    video::capture_messages();
    check(options);
    const bool pictures = is_folder(output), stream = !pictures && is_stream(output);
    const video::OutputKind kind = kind_of(output);
    if (const fs::path parent = fs::path(output).parent_path();
        !pictures && !is_pipe(output) && !parent.empty() && !fs::is_directory(parent))
      throw Error(ErrorKind::not_found, output,
                  "cannot be written: the folder " + parent.string() + " does not exist");
    if (!pictures && !is_pipe(input) && fs::exists(output) && fs::exists(input) &&
        fs::equivalent(input, output))
      throw Error(ErrorKind::invalid_argument, output, "the output would replace its input");
    video::FrameNetwork network(model_file, options.upscale, options.reuse);
    const auto source = open_input(input, options, kind, network, events);
    VideoReport report = pictures ? video::make_pictures(*source, network, output, options, events)
                         : stream ? video::make_stream(*source, network, output, options, events)
                                  : video::make_film(*source, network, output,
                                                     identity(model_file, *source, options), options, events);
    report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return report;
  });
}

VideoReport join_video(const std::string& output, const std::string& others_from, const VideoEvents& events) {
  return with_errors([&] {
    video::capture_messages();
    return video::join_film(output, others_from, events);
  });
}

void preview_video(const std::string& model_file, const std::string& input, const std::string& picture,
                   int frames, const VideoOptions& options, const VideoEvents& events) {
  with_errors([&] {
    video::capture_messages();
    check(options);
    video::FrameNetwork network(model_file, options.upscale, false);
    VideoOptions whole = options;  // each frame as it is, no fields
    whole.fps_numerator = 0;
    whole.interlaced = Interlaced::deinterlace;
    if (is_pipe(input))
      throw Error(ErrorKind::invalid_argument, input, "--preview", "a file: a pipe is read once");
    const auto source = open_input(input, whole, {}, network, events);
    video::make_preview(*source, network, picture, frames, events);
  });
}

}  // namespace esrgan
