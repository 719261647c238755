#include <esrgan/error.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/log.h"
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

int rounded(double value, int multiple) {
  return std::max(1, static_cast<int>(std::lround(value / multiple))) * multiple;
}

EncoderSettings choose_settings(const SourceFacts& facts, double scale, const std::string& output,
                                const VideoOptions& options) {
  EncoderSettings settings;
  settings.name = options.encoder.empty() ? default_encoder(output, facts.format) : options.encoder;
  // Few players show RGB, or chroma at full resolution, in codecs that lose anyway.
  const bool rgb = facts.colour.matrix == AVCOL_SPC_RGB;
  const AVPixelFormat usual =
      rgb ? film_format(channels_of(facts.format), depth_of(facts.format) > 8) : facts.format;
  const AVPixelFormat wanted = is_lossless(settings.name) ? facts.exact.value_or(facts.format) : usual;
  settings.format = encoder_format(find_encoder(settings.name), wanted, options.pixel_format);
  settings.colour = colour_for(facts.colour, settings.format);
  settings.interlaced = facts.interlaced;
  settings.top_field_first = facts.top_field_first;
  settings.time_base = facts.time_base;
  settings.frame_rate = facts.frame_rate;
  settings.sample_aspect = facts.sample_aspect;
  settings.hdr = facts.hdr;
  settings.global_header = (container_of(output).flags & AVFMT_GLOBALHEADER) != 0;
  settings.crf = options.crf;
  settings.options = options.encoder_options;
  const auto [across, down] = size_multiples(settings.format, settings.interlaced);
  settings.width = rounded(facts.width * scale, across);
  settings.height = rounded(facts.height * scale, down);
  return settings;
}

/// Whether the network takes so long for a pixel of the film that an encoder's care costs little beside it.
bool is_slow(FrameNetwork& network, const SourceFacts& facts, const EncoderSettings& settings) {
  constexpr double much = 2e5;  // multiply-accumulates; compact networks have some 5e4, RRDBNet more than 3e5
  return network.work(facts.width, facts.height, stored_type(facts.format)) >
         much * settings.width * settings.height;
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
  const SegmentCounts counts = mux(request, segments, events.stop);
  const StreamDescription stream = stream_from_json(SegmentReader(segments.front()).stream());
  VideoReport report;
  report.width = stream.parameters->width;
  report.height = stream.parameters->height;
  report.encoder = stream.encoder;
  report.frames = counts.frames;
  report.repeated = counts.repeated;
  report.damaged = counts.damaged;
  report.lost = counts.lost;
  report.bytes = fs::file_size(output);
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

bool is_mine(size_t segment, size_t segments, const Share& share) {
  return segment * static_cast<size_t>(share.count) / segments + 1 == static_cast<size_t>(share.number);
}

VideoReport make_film(const FrameSource& source, FrameNetwork& network, const std::string& output,
                      const nlohmann::json& identity, const VideoOptions& options,
                      const VideoEvents& events) {
  const SourceFacts& facts = source.facts();
  const double scale = options.upscale.scale > 0 ? options.upscale.scale : network.scale();
  EncoderSettings settings = choose_settings(facts, scale, output, options);
  MuxRequest request = facts.others;
  request.output = output;
  request.skip_unsupported = options.skip_unsupported;
  settings.patient = is_slow(network, facts, settings);

  // What cannot be done is said before the work, not behind it. The encoder that shows it goes at once.
  std::vector<std::string> remarks = check_container(request, describe(Encoder(settings), settings));
  if (channels_of(facts.format) % 2 == 0 && channels_of(settings.format) % 2 != 0)
    remarks.push_back("alpha is left out: " + settings.name +
                      " does not store it here (libvpx-vp9 in .webm or .mkv and prores_ks in .mov do)");
  nlohmann::json job = identity;
  job["mux"] = to_json(request);
  job["segments"] = facts.plan.segments.size();
  WorkFolder folder(output);
  folder.begin(job, options.restart);

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
  progress.begin(std::llround(static_cast<double>(total) * facts.frames_of_each), resumed, bytes);
  const auto input = source.frames({events.stop, [&](size_t segment) { return wanted[segment]; }, {}});
  FilmOutput film(settings, network.scale(), [&](size_t segment) { return folder.segment(segment); },
                  {[&] { progress.frame_done(); }, [&](uint64_t size) { progress.add_bytes(size); }});
  const PipelineCounts counts = run_pipeline(
      *input, film, [&](FrameItem& item, PixelsPool& pool) { network.upscale(item, pool, events.stop); },
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
  report.resumed = resumed;
  report.reused = network.reused();
  report.network_seconds = counts.network_seconds;
  report.remarks = remarks;
  return report;
}

VideoReport join_film(const std::string& output, const VideoEvents& events) {
  WorkFolder folder(output);
  const nlohmann::json job = folder.job();
  MuxRequest request = mux_request_from_json(job.at("mux"));
  request.output = output;
  return finish(output, request, job.at("segments"), folder, events);
}

}  // namespace esrgan::video
