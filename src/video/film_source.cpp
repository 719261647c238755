#include <esrgan/error.h>

extern "C" {
#include <libavutil/crc.h>
#include <libavutil/display.h>
}

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/file.h"
#include "base/log.h"
#include "video/film_input.h"
#include "video/pixel_formats.h"
#include "video/source.h"

namespace esrgan::video {
namespace {

namespace fs = std::filesystem;

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

class FilmSource : public FrameSource {
 public:
  FilmSource(std::string input, const VideoOptions& options, bool keep_rotation, const FrameWork& work,
             const std::stop_token& stop)
      : input_(std::move(input)) {
    read_streams(options, keep_rotation, work, stop);
    inspect();
  }

  nlohmann::json identity() const override { return file_identity(input_); }

  std::unique_ptr<FrameInput> frames(FrameChoice choice) const override {
    return std::make_unique<FilmInput>(input_, facts_.plan, decode_, std::move(choice));
  }

 private:
  void read_streams(const VideoOptions& options, bool keep_rotation, const FrameWork& work,
                    const std::stop_token& stop) {
    const Media media = open_media(input_);
    const AVCodecParameters& codec = *media.video->codecpar;
    field_order_ = codec.field_order;
    decode_.interlaced = options.interlaced;
    decode_.fps = {options.fps_numerator, options.fps_denominator};
    decode_.hardware = options.hardware;
    if (!keep_rotation) read_rotation(*media.video, decode_);
    const auto format = static_cast<AVPixelFormat>(codec.format);
    const double frame_work =
        work(codec.width, codec.height, format != AV_PIX_FMT_NONE ? stored_type(format) : SampleType::u8);
    Plan& plan = facts_.plan;
    plan = plan_film(input_,
                     {options.start, options.duration, choose_segment_frames(options, frame_work), stop});

    facts_.frame_rate = decode_.fps.num > 0 ? decode_.fps : media.frame_rate();
    if (decode_.interlaced == Interlaced::double_rate && decode_.fps.num == 0) facts_.frame_rate.num *= 2;
    facts_.time_base = output_time_base(plan.time_base, decode_);
    facts_.hdr = high_dynamic_range(nullptr, media.video);
    facts_.sample_aspect = av_guess_sample_aspect_ratio(media.format.get(), media.video, nullptr);
    if (decode_.rotation % 180 != 0 && facts_.sample_aspect.num > 0)
      facts_.sample_aspect = av_inv_q(facts_.sample_aspect);
    MuxRequest& others = facts_.others;
    others.others = fs::absolute(options.others_from.empty() ? input_ : options.others_from).string();
    others.keep_rotation = keep_rotation;
    others.time_base = plan.time_base;
    others.last_duration = plan.last_duration;
    if (decode_.interlaced == Interlaced::double_rate)
      others.last_duration = std::max<int64_t>(1, plan.last_duration / 2);
    if (decode_.fps.num > 0)
      others.last_duration = std::max<int64_t>(1, av_rescale_q(1, av_inv_q(decode_.fps), plan.time_base));
    facts_.frames_of_each = av_q2d(facts_.frame_rate) / av_q2d(media.frame_rate());
    if (options.start > 0 || options.duration > 0) {
      others.origin = others.begin = plan.origin;
      if (options.duration > 0)
        others.end = plan.origin + std::llround(options.duration / av_q2d(plan.time_base));
    }
  }

  /// Looks at the first frame, which tells what streams often do not.
  void inspect() {
    const FramePtr frame = FilmInput(input_, facts_.plan, decode_, {}).first_frame();
    if (!frame) throw Error(ErrorKind::bad_data, input_, "none of its video's frames can be decoded");
    if (const HighDynamicRange hdr = high_dynamic_range(frame.get(), nullptr); hdr.mastering || hdr.light)
      facts_.hdr = hdr;
    facts_.width = frame->width;
    facts_.height = frame->height;
    facts_.format = static_cast<AVPixelFormat>(frame->format);
    facts_.colour = colour_of(*frame);
    // Told once for the whole film: an encoder is either for fields or not.
    const bool interlaced = frame->interlaced_frame != 0 || field_order_ > AV_FIELD_PROGRESSIVE;
    const int multiple = size_multiples(facts_.format, true).second;
    facts_.interlaced = interlaced && decode_.interlaced == Interlaced::keep && frame->height % multiple == 0;
    facts_.top_field_first = frame->interlaced_frame != 0
                                 ? frame->top_field_first != 0
                                 : field_order_ == AV_FIELD_TT || field_order_ == AV_FIELD_TB;
    decode_.keep_fields = facts_.interlaced;
    if (interlaced && decode_.interlaced == Interlaced::keep && !facts_.interlaced)
      log_warning(input_ + " is interlaced, but its height is no multiple of " + std::to_string(multiple) +
                  ": frames are taken as whole ones (--deinterlace would be better)");
    if (facts_.interlaced)
      log_info(input_ +
               " is interlaced: its fields are enlarged one by one (--deinterlace makes whole frames)");
  }

  std::string input_;
  DecodeOptions decode_;
  AVFieldOrder field_order_ = AV_FIELD_UNKNOWN;
};

}  // namespace

nlohmann::json file_identity(const std::string& path) {
  return identity_of(MappedFile(path).bytes());
}

nlohmann::json identity_of(std::span<const uint8_t> bytes) {
  constexpr size_t part = 1U << 20U;
  const AVCRC* const table = av_crc_get_table(AV_CRC_32_IEEE_LE);
  const size_t length = std::min(part, bytes.size());
  return {{"size", bytes.size()},
          {"begin", av_crc(table, 0, bytes.data(), length)},
          {"end", av_crc(table, 0, bytes.data() + bytes.size() - length, length)}};
}

int choose_segment_frames(const VideoOptions& options, double work) {
  if (options.segment_frames > 0) return options.segment_frames;
  // About as many as take a few minutes on an ordinary processor, whatever this machine is: all machines cut
  // a film alike.
  constexpr double target = 1.2e14;  // multiply-accumulates
  return static_cast<int>(std::clamp(target / work, 12.0, 240.0));
}

std::unique_ptr<FrameSource> open_film(const std::string& input, const VideoOptions& options,
                                       bool keep_rotation, const FrameWork& work,
                                       const std::stop_token& stop) {
  return std::make_unique<FilmSource>(input, options, keep_rotation, work, stop);
}

std::unique_ptr<FrameSource> open_source(const std::string& input, const VideoOptions& options,
                                         bool keep_rotation, const FrameWork& work,
                                         const std::stop_token& stop) {
  const std::vector<std::string> pictures = list_pictures(input);
  if (!pictures.empty()) return open_pictures(pictures, options, work);
  return open_film(input, options, keep_rotation, work, stop);
}

}  // namespace esrgan::video
