#include <esrgan/error.h>

extern "C" {
#include <libavutil/crc.h>
#include <libavutil/display.h>
#include <libavutil/dovi_meta.h>
}

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/platform_pipe.h"
#include "video/animation.h"
#include "video/ffmpeg_compat.h"
#include "video/film_input.h"
#include "video/pixel_formats.h"
#include "video/source.h"

namespace esrgan::video {
namespace {

namespace fs = std::filesystem;

/// How a film says its frames are to be turned, as filters for them.
void read_rotation(const AVStream& stream, DecodeOptions& options) {
  const uint8_t* const data = side_data_of(stream, AV_PKT_DATA_DISPLAYMATRIX);
  if (data == nullptr) return;
  int32_t matrix[9];
  std::copy_n(reinterpret_cast<const int32_t*>(data), 9, matrix);
  const auto at = [&](int i) { return static_cast<double>(matrix[i]); };
  options.flip = at(0) * at(4) - at(1) * at(3) < 0;
  if (options.flip) av_display_matrix_flip(matrix, 1, 0);
  const double angle = av_display_rotation_get(matrix);  // counter-clockwise
  if (!std::isnan(angle)) options.rotation = (static_cast<int>(std::lround(-angle / 90)) % 4 + 4) % 4 * 90;
}

/// A profile of Dolby Vision whose colours only its own decoders can tell (IPT-PQ-c2, "profile 5").
void refuse_foreign_colours(const Media& media) {
  const uint8_t* const data = side_data_of(*media.video, AV_PKT_DATA_DOVI_CONF);
  if (data == nullptr) return;
  const auto& dolby = *reinterpret_cast<const AVDOVIDecoderConfigurationRecord*>(data);
  if (dolby.dv_profile == 5 || (dolby.dv_profile > 5 && dolby.dv_bl_signal_compatibility_id == 0))
    throw Error(ErrorKind::unsupported, media.path(), "its colours can be told by Dolby Vision alone",
                "a film with a base layer that others can show, such as profile 8",
                "Dolby Vision profile " + std::to_string(dolby.dv_profile));
}

/// What comes out of filters, in frames a second.
AVRational frame_rate_of(const Media& media, const DecodeOptions& decode) {
  if (decode.fps.num > 0) return decode.fps;
  const AVRational rate = media.frame_rate();
  if (decode.interlaced == Interlaced::double_rate) return av_mul_q(rate, rational(2, 1));
  return decode.interlaced == Interlaced::film ? av_mul_q(rate, rational(4, 5)) : rate;
}

bool is_gray_with_alpha(const AVFrame& frame) {
  const AVPixFmtDescriptor& format = description(static_cast<AVPixelFormat>(frame.format));
  return is_gray(format) && has_alpha(format);
}

/// A film, or a pipe that is read once.
class FilmSource : public FrameSource {
 public:
  FilmSource(FilmFile file, const VideoOptions& options, OutputKind kind, const FrameWork& work,
             const std::stop_token& stop)
      : file_(std::move(file)) {
    decode_.interlaced = options.interlaced;
    decode_.fps = {options.fps_numerator, options.fps_denominator};
    decode_.hardware = options.hardware;
    std::optional<Media> media = open_media(file_, stop);
    refuse_foreign_colours(*media);
    read_streams(*media, kind);
    if (media->bytes->is_pipe()) {
      plan_pipe(*media, options);
      pipe_ = std::make_shared<PacketReader>(std::move(*media));
    } else {
      plan(*media, options, kind, work, stop);
    }
    inspect();
  }

  nlohmann::json identity() const override {
    return pipe_ ? nlohmann::json("a pipe") : file_identity(file_.path);
  }

  bool is_read_once() const override { return pipe_ != nullptr; }

  std::unique_ptr<FrameInput> frames(FrameChoice choice) const override { return input(std::move(choice)); }

 private:
  std::unique_ptr<FilmInput> input(FrameChoice choice) const {
    return std::make_unique<FilmInput>(
        pipe_ ? pipe_ : std::make_shared<PacketReader>(file_, facts_.plan.begin), facts_.plan, decode_,
        std::move(choice));
  }

  void read_streams(const Media& media, OutputKind kind) {
    field_order_ = media.video->codecpar->field_order;
    codec_ = media.video->codecpar->codec_id;
    if (!kind.keeps_rotation) read_rotation(*media.video, decode_);
    if (kind.is_even && decode_.fps.num == 0 && !media.bytes->is_pipe())
      decode_.fps = frame_rate_of(media, decode_);
    facts_.frame_rate = frame_rate_of(media, decode_);
    facts_.frames_of_each = av_q2d(facts_.frame_rate) / av_q2d(media.frame_rate());
    facts_.hdr = high_dynamic_range(nullptr, media.video);
    facts_.sample_aspect = av_guess_sample_aspect_ratio(media.format.get(), media.video, nullptr);
    if (decode_.rotation % 180 != 0 && facts_.sample_aspect.num > 0)
      facts_.sample_aspect = av_inv_q(facts_.sample_aspect);
  }

  void plan(const Media& media, const VideoOptions& options, OutputKind kind, const FrameWork& work,
            const std::stop_token& stop) {
    const AVCodecParameters& codec = *media.video->codecpar;
    const auto format = static_cast<AVPixelFormat>(codec.format);
    const double frame_work =
        work(codec.width, codec.height, format != AV_PIX_FMT_NONE ? stored_type(format) : SampleType::u8);
    PlanRequest request;
    request.start = options.start;
    request.duration = options.duration;
    request.segment_frames = choose_segment_frames(options, frame_work);
    request.keep_start =
        options.keep_start || (kind.keeps_start && options.start == 0 && options.duration == 0);
    request.one_chunk = decode_.interlaced == Interlaced::film;
    request.stop = stop;
    facts_.plan = plan_film(file_, request);
    const Plan& plan = facts_.plan;
    facts_.time_base = output_time_base(plan.time_base, decode_);
    MuxRequest& others = facts_.others;
    others.others = {fs::absolute(options.others_from.empty() ? file_.path : options.others_from).string(),
                     options.others_from.empty() ? file_.video : -1};
    if (options.others_from.empty()) {
      others.probe = bytes_to_probe(plan.findings);
      others.passed_over = plan.begin;
    }
    others.keep_rotation = kind.keeps_rotation;
    others.plays = plays_of(file_.path);
    others.time_base = plan.time_base;
    others.last_duration = last_duration(plan.last_duration);
    others.origin = plan.origin;
    if (options.start > 0 || options.duration > 0) {
      others.begin = av_rescale_q(media.origin(), media.video->time_base, plan.time_base) +
                     std::llround(options.start / av_q2d(plan.time_base));
      if (options.duration > 0)
        others.end = others.begin + std::llround(options.duration / av_q2d(plan.time_base));
    }
  }

  /// How much of the film must be looked through to know its streams. What is looked through is held in
  /// memory.
  int64_t bytes_to_probe(const FilmFindings& findings) const {
    constexpr int64_t most = 128 << 20, behind = 8 << 20;
    int64_t bytes = 0;
    for (const auto& [stream, position] : findings.late) {
      if (position + behind <= most)
        bytes = std::max(bytes, position + behind);
      else
        log_warning(file_.path + ": stream " + std::to_string(stream) + " turns up only " +
                    format_memory_size(static_cast<uint64_t>(position)) +
                    " behind its beginning, and is left out");
    }
    return bytes;
  }

  /// All that comes is one segment: nothing is known of it before.
  void plan_pipe(const Media& media, const VideoOptions& options) {
    const std::string name = media.format->iformat->name;
    if (name != "yuv4mpegpipe")
      throw Error(ErrorKind::unsupported, file_.path, "cannot be read from a pipe",
                  "YUV4MPEG2 (ffmpeg -f yuv4mpegpipe, vspipe -c y4m), or a file: other films are read twice",
                  name);
    if (options.start > 0 || options.duration > 0 || options.share.count > 1)
      throw Error(ErrorKind::invalid_argument, file_.path, "--start, --duration and --segment",
                  "a file: a pipe is read as it comes");
    Plan& plan = facts_.plan;
    plan.time_base = media.video->time_base;
    plan.last_duration = std::max<int64_t>(1, av_rescale_q(1, av_inv_q(media.frame_rate()), plan.time_base));
    plan.chunks.push_back({0, INT64_MAX, INT64_MIN + 1, INT64_MAX});
    plan.segments.push_back({INT64_MIN + 1, INT64_MAX, 0, 0});
    facts_.time_base = output_time_base(plan.time_base, decode_);
    facts_.others.time_base = plan.time_base;
    facts_.others.last_duration = last_duration(plan.last_duration);
    if (!options.others_from.empty()) facts_.others.others = {fs::absolute(options.others_from).string()};
  }

  int64_t last_duration(int64_t of_film) const {
    if (decode_.fps.num > 0)
      return std::max<int64_t>(1, av_rescale_q(1, av_inv_q(decode_.fps), facts_.plan.time_base));
    return decode_.interlaced == Interlaced::double_rate ? std::max<int64_t>(1, of_film / 2) : of_film;
  }

  /// Looks at the first frame, which tells what streams often do not.
  void inspect() {
    FramePtr frame = input({})->first_frame();
    if (frame && is_gray_with_alpha(*frame)) {  // which networks and encoders know as colours
      decode_.format =
          av_get_pix_fmt_name(picture_format(4, depth_of(static_cast<AVPixelFormat>(frame->format)) > 8));
      frame = input({})->first_frame();
    }
    if (!frame) throw Error(ErrorKind::bad_data, file_.path, "none of its video's frames can be decoded");
    if (const HighDynamicRange hdr = high_dynamic_range(frame.get(), nullptr); hdr.mastering || hdr.light)
      facts_.hdr = hdr;
    facts_.width = frame->width;
    facts_.height = frame->height;
    facts_.format = static_cast<AVPixelFormat>(frame->format);
    facts_.colour = colour_of(*frame);
    facts_.from_pictures =
        codec_ == AV_CODEC_ID_GIF || codec_ == AV_CODEC_ID_APNG || codec_ == AV_CODEC_ID_WEBP;
    if (decode_.interlaced == Interlaced::keep) inspect_fields(*frame);
    if (!facts_.interlaced) facts_.stored = kind_of(*frame);
  }

  /// Fields are taken apart in each frame that has them. Whether the film is marked as interlaced is told
  /// once, as encoders want it: by most of its frames, or by the first where headers do not tell.
  void inspect_fields(const AVFrame& first) {
    const FilmFindings& found = facts_.plan.findings;
    const int64_t told = found.whole + found.interlaced();
    const bool first_is = is_interlaced(first) || field_order_ > AV_FIELD_PROGRESSIVE;
    const bool any = told > 0 ? found.interlaced() > 0 || is_interlaced(first) : first_is;
    if (!any) return;
    const int multiple = size_multiples(facts_.format, true).second;
    if (first.height % multiple != 0) {
      log_warning(file_.path + " is interlaced, but its height is no multiple of " +
                  std::to_string(multiple) +
                  ": frames are taken as whole ones (--deinterlace would be better)");
      return;
    }
    facts_.fields = decode_.keep_fields = true;
    facts_.interlaced = told > 0 && found.interlaced() > 0 ? 2 * found.interlaced() >= told : first_is;
    if (found.top_first != found.bottom_first)
      facts_.top_field_first = found.top_first > found.bottom_first;
    else
      facts_.top_field_first = is_interlaced(first)
                                   ? has_top_field_first(first)
                                   : field_order_ == AV_FIELD_TT || field_order_ == AV_FIELD_TB;
    const bool mixed = 50 * std::min(found.whole, found.interlaced()) > told;
    if (mixed)
      log_warning(
          file_.path + ": " + std::to_string(found.interlaced()) + " of " + std::to_string(told) +
          " frames are interlaced, the others whole; the film is marked as " +
          (facts_.interlaced ? "interlaced" : "progressive") +
          " (--deinterlace makes whole frames of all, --deinterlace film those of a film on television)");
    else if (facts_.interlaced)
      log_info(file_.path +
               " is interlaced: its fields are enlarged one by one (--deinterlace makes whole frames)");
  }

  FilmFile file_;
  DecodeOptions decode_;
  std::shared_ptr<PacketReader> pipe_;
  AVFieldOrder field_order_ = AV_FIELD_UNKNOWN;
  AVCodecID codec_ = AV_CODEC_ID_NONE;
};

constexpr size_t identity_part = 1U << 20U;

uint32_t checksum(std::span<const uint8_t> bytes) {
  return av_crc(av_crc_get_table(AV_CRC_32_IEEE_LE), 0, bytes.data(), bytes.size());
}

}  // namespace

nlohmann::json file_identity(const std::string& path) {
  const InputFile file(path);
  std::vector<uint8_t> begin(static_cast<size_t>(std::min<uint64_t>(identity_part, file.size()))),
      end(begin.size());
  file.read_at(0, begin);
  file.read_at(file.size() - end.size(), end);
  return {{"size", file.size()}, {"begin", checksum(begin)}, {"end", checksum(end)}};
}

nlohmann::json identity_of(std::span<const uint8_t> bytes) {
  const size_t length = std::min(identity_part, bytes.size());
  return {{"size", bytes.size()},
          {"begin", checksum(bytes.first(length))},
          {"end", checksum(bytes.last(length))}};
}

int choose_segment_frames(const VideoOptions& options, double work) {
  if (options.segment_frames > 0) return options.segment_frames;
  // About as many as take a few minutes on an ordinary processor, whatever this machine is: all machines cut
  // a film alike.
  constexpr double target = 1.2e14;  // multiply-accumulates
  return static_cast<int>(std::clamp(target / work, 12.0, 240.0));
}

std::unique_ptr<FrameSource> open_film(const std::string& input, const VideoOptions& options, OutputKind kind,
                                       const FrameWork& work, const std::stop_token& stop) {
  return std::make_unique<FilmSource>(FilmFile{input, options.video_stream}, options, kind, work, stop);
}

std::unique_ptr<FrameSource> open_source(const std::string& input, const VideoOptions& options,
                                         OutputKind kind, const FrameWork& work,
                                         const std::stop_token& stop) {
  const std::vector<std::string> pictures = list_pictures(input);
  if (!pictures.empty()) return open_pictures(pictures, options, work);
  if (!is_pipe(input) && fs::is_regular_file(input) && is_animated_webp(input))
    return open_animated_webp(input, options, work);
  return open_film(input, options, kind, work, stop);
}

}  // namespace esrgan::video
