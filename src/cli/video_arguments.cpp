#include "cli/video_arguments.h"

#include <esrgan/error.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <map>

#include "cli/share.h"

namespace esrgan::cli {
namespace {

constexpr const char* examples = R"(Examples:
  esrgan video film.mkv -o film4x.mkv           four times as large; sound, subtitles and so on as they are
  esrgan video film.mkv -o film4x.mkv           the same again goes on where it was stopped
  esrgan video film.mp4 -o part.mp4 --start 1:30 --duration 10
  esrgan video film.mp4 -o look.png --preview 4 some frames, before and after
  esrgan video film.mp4 -o frames/              enlarged pictures; -m none: the film's own
  esrgan video frames/ -o film.mp4 -m none      pictures to a film again
  esrgan video film.mkv -o big.mkv --encoder libx265 --crf 16 --encoder-options preset=slow
  ffmpeg -i film.mkv -f yuv4mpegpipe - | esrgan video - -o - | ffmpeg -i - out.mkv
  esrgan video film.mkv -o big.mkv --segment 2/4   one of four machines; then: esrgan video -o big.mkv --join
)";

/// Seconds of "90", "1:30" or "0:01:30.5".
double read_time(const std::string& text, const std::string& option) {
  double seconds = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(':', begin), text.size());
    double number = 0;
    if (!CLI::detail::lexical_cast(text.substr(begin, end - begin), number) || !(number >= 0))
      throw Error(ErrorKind::invalid_argument, "", option, "seconds, or H:M:S", "'" + text + "'");
    seconds = seconds * 60 + number;
    begin = end + 1;
  }
  return seconds;
}

void read_frame_rate(const std::string& fps, VideoOptions& options) {
  const size_t middle = fps.find('/');
  double rate = 0, divisor = 1;
  const bool read =
      CLI::detail::lexical_cast(fps.substr(0, middle), rate) &&
      (middle == std::string::npos || CLI::detail::lexical_cast(fps.substr(middle + 1), divisor));
  if (!read || !(rate > 0) || !(divisor > 0) || rate / divisor > 1000)
    throw Error(ErrorKind::invalid_argument, "", "--fps", "frames per second, such as 30 or 24000/1001",
                "'" + fps + "'");
  // 23.976 and 29.97 stand for 24000/1001 and 30000/1001.
  const double per_second = rate / divisor, ntsc = std::round(per_second * 1.001);
  const auto whole = [](double value) { return std::fabs(value - std::round(value)) < 1e-9; };
  const bool as_it_is = whole(rate) && whole(divisor);
  const bool film =
      !as_it_is && !whole(per_second) && ntsc > 0 && std::fabs(ntsc / 1.001 - per_second) < 5e-3;
  options.fps_numerator =
      static_cast<int>(as_it_is ? rate : (film ? ntsc * 1000 : std::round(per_second * 1000)));
  options.fps_denominator = static_cast<int>(as_it_is ? divisor : (film ? 1001 : 1000));
  if (options.fps_numerator == 0)
    throw Error(ErrorKind::invalid_argument, "", "--fps", "more than a frame in a thousand seconds",
                "'" + fps + "'");
}

std::vector<std::pair<std::string, std::string>> read_pairs(const std::vector<std::string>& given,
                                                            const std::string& option) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string& text : given) {
    const size_t middle = text.find('=');
    if (middle == 0 || middle == std::string::npos)
      throw Error(ErrorKind::invalid_argument, "", option, "KEY=VALUE", "'" + text + "'");
    pairs.emplace_back(text.substr(0, middle), text.substr(middle + 1));
  }
  return pairs;
}

}  // namespace

void VideoArguments::describe(CLI::App& app) {
  app.footer(examples);
  app.add_option("input,--input", input,
                 "Film, folder of pictures, pattern such as frames/%08d.png, or - for YUV4MPEG2 from a pipe")
      ->type_name("FILE");
  app.add_option("-o,--output", output,
                 "Film, a folder for pictures (a name that ends in /), or - for YUV4MPEG2")
      ->required()
      ->type_name("PATH");
  network.describe(app);
  add_sizes(app, network.upscale, fit);
  app.add_option("--encoder", options.encoder,
                 "FFmpeg's name: libx264, libx265, libsvtav1, libvpx-vp9, ffv1, prores_ks, hevc_nvenc, ...")
      ->type_name("NAME");
  app.add_option("--crf", options.crf, "Quality, on the encoder's own scale: lower is better")
      ->type_name("Q")
      ->check(CLI::Range(0.0, 255.0));
  app.add_option("--encoder-options", encoder_options, "Any other of its options")->type_name("KEY=VALUE...");
  app.add_option("--audio-encoder", options.audio_encoder,
                 "Encode sound anew: aac, libopus, flac, ...; without it, sound is copied as it is")
      ->type_name("NAME");
  app.add_option("--container-options", container_options,
                 "Options of FFmpeg's muxer, such as movflags=+faststart")
      ->type_name("KEY=VALUE...");
  app.add_option("--dither", options.dither,
                 "How 8 bits are rounded: a pattern or noise hides steps in skies")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Dither>{
          {"none", Dither::none}, {"ordered", Dither::ordered}, {"diffusion", Dither::diffusion}}))
      ->type_name("none|ordered|diffusion");
  app.add_option("--video-stream", options.video_stream, "Which of several video streams, counted from 0")
      ->type_name("N")
      ->check(CLI::Range(0, 1000));
  app.add_flag("--keep-start", options.keep_start,
               "Keep the time at which the film's clock begins, instead of 0");
  app.add_option("--pixel-format", options.pixel_format,
                 "FFmpeg's name, such as yuv420p10le; without it, as in the input")
      ->type_name("NAME");
  app.add_option("--start", start, "Begin here")->type_name("[[H:]M:]S");
  app.add_option("--duration", duration, "Take this much")->type_name("[[H:]M:]S");
  app.add_option("--fps", fps, "Another frame rate; without it, every frame keeps its time")
      ->type_name("N|N/D");
  app.add_option(
         "--deinterlace", deinterlace,
         "Make whole frames of interlaced ones: one of each, of each field, or those of a film on television")
      ->expected(0, 1)
      ->default_str("frame")
      ->check(CLI::IsMember({"frame", "field", "film"}))
      ->type_name("frame|field|film");
  app.add_flag("--reuse", options.reuse,
               "Take regions that did not change from the frame before, where not a bit differs");
  app.add_option("--cuts", options.cuts,
                 "The frames that begin a shot, a number (from 0) in each line, for a network that sees "
                 "several frames; "
                 "without it, they are found")
      ->type_name("FILE");
  app.add_option("--hwaccel", options.hardware, "Decode on a device: auto, cuda, vaapi, ...")
      ->type_name("NAME");
  app.add_option("-f,--format", options.image_format, "Kind of pictures that go to a folder")
      ->type_name("EXT")
      ->capture_default_str();
  app.add_option("--others-from", options.others_from, "Film whose sound and so on go with pictures")
      ->type_name("FILE");
  app.add_flag("--skip-unsupported", options.skip_unsupported,
               "Leave out streams that the output cannot hold, instead of refusing");
  app.add_option("--preview", preview, "Write a picture of N frames, before and after")
      ->type_name("N")
      ->check(CLI::Range(1, 64));
  app.add_option("--segment", segment, "Do a share of the work; auto: by the launcher's variables")
      ->type_name("I/N|auto|auto/N");
  app.add_flag("--join", join, "Make the film of what all shares have done");
  app.add_option("--segment-frames", options.segment_frames,
                 "Frames between points where a stopped job can go on")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000));
  app.add_flag("--restart", options.restart, "Discard what an unfinished job has left");
  app.add_flag("--overwrite", overwrite, "Replace the output if it exists");
  app.add_flag("--json", json, "Print progress and the report as lines of JSON");
}

void VideoArguments::read() {
  network.read();
  read_fit(fit, network.upscale);
  options.upscale = network.upscale;
  options.start = read_time(start, "--start");
  options.duration = read_time(duration, "--duration");
  if (!fps.empty()) read_frame_rate(fps, options);
  if (!deinterlace.empty())
    options.interlaced = deinterlace == "field"  ? Interlaced::double_rate
                         : deinterlace == "film" ? Interlaced::film
                                                 : Interlaced::deinterlace;
  if (!segment.empty()) options.share = read_share(segment, "--segment");
  options.encoder_options = read_pairs(encoder_options, "--encoder-options");
  options.container_options = read_pairs(container_options, "--container-options");
}

}  // namespace esrgan::cli
