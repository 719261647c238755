#include <esrgan/error.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <tuple>

#include "base/log.h"
#include "base/memory.h"
#include "engine/picture_upscaler.h"
#include "video/animation.h"
#include "video/containers.h"
#include "video/film_output.h"
#include "video/jobs.h"
#include "video/pixel_formats.h"
#include "video/work_folder.h"

namespace esrgan::video {
namespace {

namespace fs = std::filesystem;

bool is_lossless(const std::string& encoder) {
  return encoder == "ffv1" || encoder == "libx264rgb" || encoder == "huffyuv" || encoder == "ffvhuff" ||
         encoder == "utvideo" || encoder == "png" || encoder == "qtrle" || encoder == "magicyuv";
}

EncoderSettings choose_settings(const SourceFacts& facts, const FrameNetwork& network,
                                const std::string& output, const VideoOptions& options) {
  const AVOutputFormat& container = container_of(output);
  EncoderSettings settings;
  if (is_animation(container) && !options.encoder.empty())
    throw Error(ErrorKind::invalid_argument, output, "--encoder",
                std::string("none: ") + container.name + " has its own", options.encoder);
  settings.name = is_animation(container)   ? animation_segments
                  : options.encoder.empty() ? default_encoder(output, facts.format)
                                            : options.encoder;
  // Few players show RGB in codecs that lose anyway; those of pictures and animations are made for all
  // players.
  const bool rgb = facts.colour.matrix == AVCOL_SPC_RGB, for_all = facts.exact || facts.from_pictures;
  const int channels = channels_of(facts.format), depth = depth_of(facts.format);
  const AVPixelFormat usual = !rgb      ? facts.format
                              : for_all ? film_format(channels, depth > 8)
                                        : full_colour_format(channels, depth);
  const AVPixelFormat wanted = is_animation(container)      ? picture_format(channels % 2 == 0 ? 4 : 3, false)
                               : is_lossless(settings.name) ? facts.exact.value_or(facts.format)
                                                            : usual;
  settings.format = encoder_format(find_encoder(settings.name), wanted, options.pixel_format);
  settings.colour = colour_for(facts.colour, settings.format);
  settings.interlaced = facts.interlaced;
  settings.top_field_first = facts.top_field_first;
  settings.time_base = facts.time_base;
  settings.frame_rate = facts.frame_rate;
  settings.sample_aspect = facts.sample_aspect;
  settings.hdr = facts.hdr;
  settings.global_header = (container.flags & AVFMT_GLOBALHEADER) != 0;
  settings.reorders = std::string(container.name) != "avi";
  if (settings.name == "mjpeg") settings.colour.range = AVCOL_RANGE_JPEG;  // JPEG knows no other
  settings.dither = options.dither;
  settings.crf = options.crf;
  settings.options = options.encoder_options;
  std::tie(settings.width, settings.height) =
      output_size(facts, options.upscale, network, size_multiples(settings.format, facts.fields));
  return settings;
}

/// Whether the network takes so long for a pixel of the film that an encoder's care costs little beside it.
bool is_slow(FrameNetwork& network, const SourceFacts& facts, const EncoderSettings& settings) {
  constexpr double much = 2e5;  // multiply-accumulates; compact networks have some 5e4, RRDBNet more than 3e5
  return network.work(facts.width, facts.height, stored_type(facts.format)) >
         much * settings.width * settings.height;
}

/// The film is written beside its parts, which go only when it is there.
void check_space(const std::string& output, const std::vector<std::string>& segments) {
  std::error_code unknown;
  uint64_t needed = 0;
  for (const std::string& segment : segments) needed += fs::file_size(segment, unknown);
  const fs::path folder = fs::absolute(output).parent_path();
  const fs::space_info space = fs::space(folder, unknown);
  if (unknown || space.available >= needed) return;
  throw Error(ErrorKind::io, output, "there is no room for the film beside its parts: what is done is kept",
              format_memory_size(needed) + " free (the same command then goes on)",
              format_memory_size(space.available));
}

/// Before days of work: whether the disk is likely to hold what comes of a film of this size.
void foresee_space(const std::string& output, const SourceFacts& facts, const EncoderSettings& settings) {
  std::error_code unknown;
  const uint64_t size = fs::file_size(facts.others.others.path, unknown);
  if (unknown) return;
  const double larger = static_cast<double>(settings.width) * settings.height / facts.width / facts.height;
  const auto expected = static_cast<uint64_t>(2 * larger * static_cast<double>(size));
  const fs::space_info space = fs::space(fs::absolute(output).parent_path(), unknown);
  if (!unknown && space.available < expected)
    log_warning(output + ": about " + format_memory_size(expected) +
                " may be needed, for its parts and the film made of them; " +
                format_memory_size(space.available) + " are free");
}

VideoReport finish(const std::string& output, const MuxRequest& request, size_t segment_count,
                   WorkFolder& folder, const VideoEvents& events) {
  std::vector<std::string> segments, missing;
  for (size_t i = 0; i < segment_count; ++i) {
    segments.push_back(folder.segment(i));
    if (!folder.has(i)) missing.push_back(std::to_string(i + 1));
  }
  if (!missing.empty()) {
    std::string text = std::to_string(missing.size()) + " missing (";
    for (size_t i = 0; i < std::min<size_t>(5, missing.size()); ++i) text += (i > 0 ? ", " : "") + missing[i];
    throw Error(ErrorKind::not_found, output, "cannot be joined yet",
                "all of its " + std::to_string(segment_count) + " segments",
                text + (missing.size() > 5 ? ", ...)" : ")"));
  }
  check_space(output, segments);
  const SegmentCounts counts = is_animation(container_of(output))
                                   ? write_animation(request, segments, events.stop)
                                   : mux(request, segments, events.stop);
  const StreamDescription stream = stream_from_json(SegmentReader(segments.front()).stream());
  VideoReport report;
  report.width = stream.parameters->width;
  report.height = stream.parameters->height;
  report.encoder = is_animation(container_of(output)) ? container_of(output).name : stream.encoder;
  report.frames = counts.frames;
  report.repeated = counts.repeated;
  report.damaged = counts.damaged;
  report.lost = counts.lost;
  report.bytes = fs::file_size(output);
  tell_of_missing_end(folder.job().value("missing", std::string()), report);
  folder.remove();
  return report;
}

}  // namespace

void ProgressKeeper::begin(int64_t total, int64_t resumed, uint64_t bytes) {
  progress_.total = total;
  progress_.frames = resumed_ = resumed;
  progress_.bytes = bytes;
  start_ = std::chrono::steady_clock::now();
}

void ProgressKeeper::frame_done() {
  ++progress_.frames;
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  progress_.frames_per_second = static_cast<double>(progress_.frames - resumed_) / elapsed;
  progress_.seconds_left = static_cast<double>(std::max<int64_t>(0, progress_.total - progress_.frames)) /
                           progress_.frames_per_second;
  if (events_.progress) events_.progress(progress_);
}

std::pair<int, int> output_size(const SourceFacts& facts, const UpscaleOptions& options,
                                const FrameNetwork& network, std::pair<int, int> multiples) {
  const auto [width, height] = result_size(options, facts.width, facts.height, network.scale());
  const auto whole = [](double side, int multiple) {
    return std::max(1, static_cast<int>(std::lround(side / multiple))) * multiple;
  };
  return {whole(width, multiples.first), whole(height, multiples.second)};
}

void tell_of_missing_end(const std::string& missing, VideoReport& report) {
  report.complete = missing.empty();
  if (!report.complete) report.remarks.push_back("the film itself is not whole: " + missing);
}

bool is_mine(size_t segment, size_t segments, const Share& share) {
  return segment * static_cast<size_t>(share.count) / segments + 1 == static_cast<size_t>(share.number);
}

VideoReport make_film(const FrameSource& source, FrameNetwork& network, const std::string& output,
                      const nlohmann::json& identity, const VideoOptions& options,
                      const VideoEvents& events) {
  const SourceFacts& facts = source.facts();
  EncoderSettings settings = choose_settings(facts, network, output, options);
  MuxRequest request = facts.others;
  request.output = output;
  request.skip_unsupported = options.skip_unsupported;
  request.audio_encoder = options.audio_encoder;
  request.options = options.container_options;
  settings.patient = is_slow(network, facts, settings);

  // What cannot be done is said before the work, not behind it. The encoder that shows it goes at once.
  const StreamDescription stream = describe(Encoder(settings), settings);
  std::vector<std::string> remarks =
      is_animation(container_of(output)) ? std::vector<std::string>() : check_container(request, stream);
  if (channels_of(facts.format) % 2 == 0 && channels_of(settings.format) % 2 != 0)
    remarks.push_back("alpha is left out: " + settings.name +
                      " does not store it here (libvpx-vp9 in .webm or .mkv and prores_ks in .mov do)");
  const bool rates = std::any_of(options.encoder_options.begin(), options.encoder_options.end(),
                                 [](const auto& option) { return option.first == "b"; });
  if (rates && facts.plan.segments.size() > 1)
    remarks.push_back("each of its " + std::to_string(facts.plan.segments.size()) +
                      " segments keeps to the bit rate by itself; --segment-frames makes them longer");
  const nlohmann::json job{{"frames", identity},
                           {"mux", to_json(request)},
                           {"segments", facts.plan.segments.size()},
                           {"missing", facts.plan.findings.missing}};
  if (options.start == 0 && options.duration == 0) foresee_space(output, facts, settings);
  WorkFolder folder(output);
  folder.begin(job, options.share, options.restart || source.is_read_once());

  const size_t segments = facts.plan.segments.size();
  std::vector<bool> wanted(segments);
  int64_t total = 0, resumed = 0;
  uint64_t bytes = 0;
  for (size_t i = 0; i < segments; ++i) {
    if (!is_mine(i, segments, options.share)) continue;
    total += facts.plan.segments[i].frames;
    wanted[i] = !folder.has(i);
    if (wanted[i]) continue;
    resumed += facts.plan.segments[i].frames;
    bytes += fs::file_size(folder.segment(i));
  }
  if (resumed > 0)
    log_info(output + ": going on behind " + std::to_string(resumed) + " of " + std::to_string(total) +
             " frames");
  ProgressKeeper progress(events);
  progress.begin(facts.made_of(total), facts.made_of(resumed), bytes);
  const auto input =
      frames_for_network(source, network.radius(), options,
                         {.stop = events.stop,
                          .segment = [&](size_t segment) { return wanted[segment]; },
                          .as_stored = [&](const AVFrame& frame) { return network.converts(frame); }});
  FilmOutput film(settings, network.scale(), [&](size_t segment) { return folder.segment(segment); },
                  {[&] { progress.frame_done(); }, [&](uint64_t size) { progress.add_bytes(size); }});
  if (facts.stored)
    network.convert_on_device(*facts.stored, shape_of(settings, network.scale()), film.buffers());
  const PipelineCounts counts = run_pipeline(
      *input, film,
      [&](FrameItem& item, const FrameItem* next, PixelsPool& pool) {
        network.upscale(item, next, pool, events.stop);
      },
      events.stop);

  VideoReport report;
  if (options.share.count == 1) {
    report = finish(output, request, segments, folder, events);
  } else {
    report.width = settings.width;
    report.height = settings.height;
    report.encoder = settings.name;
    report.frames = counts.frames + resumed;
    report.repeated = counts.repeated;
  }
  report.resumed = facts.made_of(resumed);
  report.reused = network.reused();
  report.network_seconds = counts.network_seconds;
  report.remarks.insert(report.remarks.begin(), remarks.begin(), remarks.end());
  return report;
}

VideoReport join_film(const std::string& output, const std::string& others_from, const VideoEvents& events) {
  WorkFolder folder(output);
  const nlohmann::json job = folder.job();
  MuxRequest request = mux_request_from_json(job.at("mux"));
  request.output = output;
  if (!others_from.empty()) request.others = {others_from, request.others.video};
  return finish(output, request, job.at("segments"), folder, events);
}

}  // namespace esrgan::video
