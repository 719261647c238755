#include <esrgan/error.h>
#include <esrgan/video.h>

extern "C" {
#include <libavutil/crc.h>
#include <libavutil/display.h>
}

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>

#include "base/file.h"
#include "base/log.h"
#include "video/film_input.h"
#include "video/film_output.h"
#include "video/frame_network.h"
#include "video/muxer.h"
#include "video/work_folder.h"

namespace esrgan {
namespace video {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void check(const VideoOptions& options) {
  const auto refuse = [](const std::string& option, const std::string& expected, double found) {
    throw Error("", option, expected, std::to_string(found));
  };
  if (!(options.start >= 0)) refuse("--start", "seconds from the beginning", options.start);
  if (!(options.duration >= 0)) refuse("--duration", "a number of seconds", options.duration);
  if (options.fps_numerator < 0 || options.fps_denominator <= 0)
    refuse("--fps", "frames per second, such as 30 or 24000/1001", options.fps_numerator);
  if (options.segment_frames < 0) refuse("--segment-frames", "a number of frames", options.segment_frames);
  if (options.share.number < 1 || options.share.number > options.share.count)
    throw Error("", "--segment", "I/N with 1 <= I <= N",
                std::to_string(options.share.number) + "/" + std::to_string(options.share.count));
}

/// Frames between points where a job can go on: about as many as take a few minutes on an ordinary processor,
/// whatever the machine, so that all machines cut a film alike.
int choose_segment_frames(const VideoOptions& options, double work) {
  if (options.segment_frames > 0) return options.segment_frames;
  constexpr double target = 1.2e14;  // multiply-accumulates
  return static_cast<int>(std::clamp(target / work, 12.0, 240.0));
}

/// Tells a file from others, wherever it lies: its size and checksums of its ends.
nlohmann::json identity(const std::string& path) {
  if (path.empty()) return nullptr;
  constexpr size_t part = 1U << 20U;
  const MappedFile file(path);
  const std::span<const uint8_t> bytes = file.bytes();
  const AVCRC* const table = av_crc_get_table(AV_CRC_32_IEEE_LE);
  const size_t length = std::min(part, bytes.size());
  return {{"size", bytes.size()},
          {"begin", av_crc(table, 0, bytes.data(), length)},
          {"end", av_crc(table, 0, bytes.data() + bytes.size() - length, length)}};
}

/// All that frames depend on.
nlohmann::json fingerprint(const std::string& model, const std::string& input, const VideoOptions& options) {
  const UpscaleOptions& up = options.upscale;
  return {{"input", identity(input)},
          {"model", identity(model)},
          {"scale", up.scale},
          {"tile", up.tile},
          {"halo", up.halo},
          {"self-ensemble", up.self_ensemble},
          {"precision", static_cast<int>(up.precision)},
          {"denoise-tv", up.denoise_tv},
          {"start", options.start},
          {"duration", options.duration},
          {"fps", {options.fps_numerator, options.fps_denominator}},
          {"deinterlace", static_cast<int>(options.interlaced)},
          {"encoder", options.encoder},
          {"crf", options.crf},
          {"encoder-options", options.encoder_options},
          {"pixel-format", options.pixel_format},
          {"segment-frames", options.segment_frames}};
}

/// How a film says its frames are to be turned, as filters for them.
void read_rotation(const AVStream& stream, DecodeOptions& options) {
  const uint8_t* const data = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, nullptr);
  if (data == nullptr) return;
  int32_t matrix[9];
  std::copy_n(reinterpret_cast<const int32_t*>(data), 9, matrix);
  const auto at = [&](int i) { return static_cast<double>(matrix[i]); };
  options.flip = at(0) * at(4) - at(1) * at(3) < 0;
  if (options.flip) av_display_matrix_flip(matrix, 1, 0);
  const double angle = av_display_rotation_get(matrix);  // counter-clockwise
  if (!std::isnan(angle)) options.rotation = (static_cast<int>(std::lround(-angle / 90)) % 4 + 4) % 4 * 90;
}

class FilmJob {
 public:
  FilmJob(const std::string& model, const std::string& input, const std::string& output,
          const VideoOptions& options, const VideoEvents& events)
      : model_(model), input_(input), output_(output), options_(options), events_(events), folder_(output) {}

  VideoReport run() {
    const Clock::time_point start = Clock::now();
    check(options_);
    container_of(output_);
    if (const fs::path parent = fs::path(output_).parent_path(); !parent.empty() && !fs::is_directory(parent))
      throw Error(output_, "cannot be written: the folder " + parent.string() + " does not exist");
    prepare();
    work();
    report_.seconds = since(start);
    if (options_.share.count > 1) return report_;
    finish();
    report_.seconds = since(start);
    return report_;
  }

 private:
  /// Reads what there is to know of the film, and chooses all that is left open.
  void prepare() {
    network_.emplace(model_, options_.upscale);
    read_film();
    inspect();
    nlohmann::json job = fingerprint(model_, input_, options_);
    request_.skip_unsupported = options_.skip_unsupported;
    job["mux"] = to_json(request_);
    job["segments"] = plan_.segments.size();
    const Encoder probe(settings_);
    const StreamDescription stream{probe.parameters(),      settings_.time_base, settings_.frame_rate,
                                   settings_.sample_aspect, settings_.hdr,       settings_.name};
    report_.remarks = check_container(request_, stream);
    folder_.begin(job, options_.restart);
  }

  void read_film() {
    const Media media = open_media(input_);
    const AVCodecParameters& codec = *media.video->codecpar;
    decode_.interlaced = options_.interlaced;
    decode_.fps = {options_.fps_numerator, options_.fps_denominator};
    decode_.hardware = options_.hardware;
    request_.keep_rotation = keeps_rotation(output_);
    if (!request_.keep_rotation) read_rotation(*media.video, decode_);
    const bool deep = codec.format >= 0 && depth_of(static_cast<AVPixelFormat>(codec.format)) > 8;
    const double work = network_->work(codec.width, codec.height, deep ? SampleType::u16 : SampleType::u8);
    plan_ = plan_film(input_, {options_.start, options_.duration, choose_segment_frames(options_, work)});
    settings_.frame_rate = decode_.fps.num > 0 ? decode_.fps : media.frame_rate();
    if (decode_.interlaced == Interlaced::double_rate && decode_.fps.num == 0) settings_.frame_rate.num *= 2;
    settings_.time_base = output_time_base(plan_.time_base, decode_);
    settings_.hdr = high_dynamic_range(nullptr, media.video);
    settings_.sample_aspect = av_guess_sample_aspect_ratio(media.format.get(), media.video, nullptr);
    if (decode_.rotation % 180 != 0 && settings_.sample_aspect.num > 0)
      settings_.sample_aspect = av_inv_q(settings_.sample_aspect);
    request_.output = output_;
    request_.others = fs::absolute(input_).string();
    request_.time_base = plan_.time_base;
    request_.last_duration = plan_.last_duration;
    if (options_.start > 0 || options_.duration > 0) {
      request_.origin = plan_.origin;
      request_.begin = plan_.origin;
      if (options_.duration > 0)
        request_.end = plan_.origin + std::llround(options_.duration / av_q2d(plan_.time_base));
    }
  }

  /// Looks at the first frame, which tells what streams often do not.
  void inspect() {
    const FramePtr frame = FilmInput(input_, plan_, decode_, {}).first_frame();
    if (!frame) throw Error(input_, "none of its video's frames can be decoded");
    const auto format = static_cast<AVPixelFormat>(frame->format);
    if (const HighDynamicRange hdr = high_dynamic_range(frame.get(), nullptr); hdr.mastering || hdr.light)
      settings_.hdr = hdr;
    settings_.name = options_.encoder.empty() ? default_encoder(output_, format) : options_.encoder;
    settings_.format = encoder_format(find_encoder(settings_.name), format, options_.pixel_format);
    settings_.colour = colour_for(*frame, settings_.format);
    settings_.interlaced = frame->interlaced_frame != 0 && decode_.interlaced == Interlaced::keep;
    settings_.top_field_first = frame->top_field_first != 0;
    settings_.global_header = (container_of(output_).flags & AVFMT_GLOBALHEADER) != 0;
    settings_.crf = options_.crf;
    settings_.options = options_.encoder_options;
    const double scale = options_.upscale.scale > 0 ? options_.upscale.scale : network_->scale();
    const auto [across, down] = size_multiples(settings_.format, settings_.interlaced);
    settings_.width = rounded(frame->width * scale, across);
    settings_.height = rounded(frame->height * scale, down);
    report_.width = settings_.width;
    report_.height = settings_.height;
    report_.encoder = settings_.name;
    if (settings_.interlaced)
      log_info(input_ +
               " is interlaced, and its fields are enlarged one by one; --deinterlace makes whole frames");
  }

  static int rounded(double value, int multiple) {
    return std::max(1, static_cast<int>(std::lround(value / multiple))) * multiple;
  }

  bool mine(size_t segment) const {
    const auto count = static_cast<size_t>(options_.share.count);
    return segment * count / plan_.segments.size() + 1 == static_cast<size_t>(options_.share.number);
  }

  void work() {
    std::vector<bool> wanted(plan_.segments.size());
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (!mine(i)) continue;
      progress_.total += plan_.segments[i].frames;
      wanted[i] = !folder_.has(i);
      if (wanted[i]) continue;
      report_.resumed += plan_.segments[i].frames;
      progress_.bytes += fs::file_size(folder_.segment(i));
    }
    progress_.frames = report_.resumed;
    if (report_.resumed > 0)
      log_info(output_ + ": going on behind " + std::to_string(report_.resumed) + " of " +
               std::to_string(progress_.total) + " frames");
    FilmInput input(input_, plan_, decode_, [&](size_t segment) { return wanted[segment]; });
    const Clock::time_point start = Clock::now();
    FilmOutput output(settings_, network_->scale(), [&](size_t segment) { return folder_.segment(segment); },
                      {[&] {
                         ++progress_.frames;
                         const auto done = static_cast<double>(progress_.frames - report_.resumed);
                         progress_.frames_per_second = done / since(start);
                         progress_.seconds_left =
                             static_cast<double>(std::max<int64_t>(0, progress_.total - progress_.frames)) /
                             progress_.frames_per_second;
                         if (events_.progress) events_.progress(progress_);
                       },
                       [&](uint64_t bytes) { progress_.bytes += bytes; }});
    const PipelineCounts counts = run_pipeline(
        input, output,
        [&](FrameItem& item, PixelsPool& pool) { network_->enlarge(item, pool, events_.stop); },
        events_.stop);
    report_.frames = counts.frames + report_.resumed;
    report_.repeated = counts.repeated;
    report_.network_seconds = counts.network_seconds;
  }

  void finish() {
    std::vector<std::string> segments;
    for (size_t i = 0; i < plan_.segments.size(); ++i) segments.push_back(folder_.segment(i));
    const SegmentCounts counts = mux(request_, segments, events_.stop);
    report_.frames = counts.frames;
    report_.repeated = counts.repeated;
    report_.damaged = counts.damaged;
    report_.lost = counts.lost;
    report_.bytes = fs::file_size(output_);
    folder_.remove();
  }

  const std::string &model_, &input_, &output_;
  const VideoOptions& options_;
  const VideoEvents& events_;
  WorkFolder folder_;
  std::optional<FrameNetwork> network_;
  DecodeOptions decode_;
  Plan plan_;
  EncoderSettings settings_;
  MuxRequest request_;
  VideoProgress progress_;
  VideoReport report_;
};

}  // namespace
}  // namespace video

VideoReport upscale_video(const std::string& model_file, const std::string& input, const std::string& output,
                          const VideoOptions& options, const VideoEvents& events) {
  video::capture_messages();
  return video::FilmJob(model_file, input, output, options, events).run();
}

void preview_video(const std::string&, const std::string&, const std::string&, int, const VideoOptions&,
                   const VideoEvents&) {
  throw Error("not yet");
}

VideoReport join_video(const std::string& output, const VideoEvents& events) {
  using video::WorkFolder;
  WorkFolder folder(output);
  const nlohmann::json job = folder.job();
  std::vector<std::string> segments;
  std::string missing;
  size_t missing_count = 0;
  for (size_t i = 0; i < job.at("segments").get<size_t>(); ++i) {
    segments.push_back(folder.segment(i));
    if (!folder.has(i) && ++missing_count <= 5)
      missing += (missing.empty() ? "" : ", ") + std::to_string(i + 1);
  }
  if (missing_count > 0)
    throw Error(
        output, "cannot be joined yet", "all of its " + std::to_string(segments.size()) + " segments",
        std::to_string(missing_count) + " missing (" + missing + (missing_count > 5 ? ", ..." : "") + ")");
  video::MuxRequest request = video::mux_request_from_json(job.at("mux"));
  request.output = output;
  const video::SegmentCounts counts = video::mux(request, segments, events.stop);
  const video::StreamDescription stream =
      video::stream_from_json(video::SegmentReader(segments.front()).stream());
  VideoReport report;
  report.width = stream.parameters->width;
  report.height = stream.parameters->height;
  report.encoder = stream.encoder;
  report.frames = counts.frames;
  report.repeated = counts.repeated;
  report.damaged = counts.damaged;
  report.lost = counts.lost;
  report.bytes = std::filesystem::file_size(output);
  folder.remove();
  return report;
}

}  // namespace esrgan
