#include "video/encoder.h"

#include <esrgan/error.h>

extern "C" {
#include <libavutil/opt.h>
}

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <new>

#include "base/platform_process.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "video/containers.h"
#include "video/ffmpeg_compat.h"
#include "video/pixel_formats.h"

namespace esrgan::video {
namespace {

/// What an encoder is given where the user says nothing: quality that does not show, and as much care as a
/// network leaves time for: a few hundredths of its own.
struct Defaults {
  const char* encoder;
  const char* quality;                   // name of its option for constant quality
  double value, most;                    // of that: usual, and the largest
  const char *always, *quick, *patient;  // FFmpeg's notation, "a=b:c=d"
};
constexpr Defaults defaults[] = {
    // The quickest preset with B frames, CABAC and 8x8 transforms: smaller than "superfast" in less time, as
    // docs/benchmarks.md shows. More B frames, or threads for frames instead of slices, hold more large
    // frames.
    {"libx264", "crf", 18, 51, "",
     "preset=ultrafast:bf=5:b_strategy=0:coder=1:8x8dct=1:deblock=0,0:thread_type=slice", "preset=medium"},
    {"libx264rgb", "crf", 18, 51, "", "preset=ultrafast", "preset=medium"},
    {"libx265", "crf", 20, 51, "", "preset=ultrafast", "preset=medium"},
    {"libsvtav1", "crf", 26, 63, "", "preset=10", "preset=7"},
    // "b=0": without it FFmpeg sets a bit rate that limits the quality.
    {"libaom-av1", "crf", 24, 63, "b=0:row-mt=1", "cpu-used=8", "cpu-used=6"},
    {"libvpx-vp9", "crf", 24, 63, "b=0:row-mt=1:deadline=good", "cpu-used=5", "cpu-used=3"},
    {"libvpx", "crf", 10, 63, "b=20M:deadline=good", "cpu-used=5", "cpu-used=3"},
    {"ffv1", "", 0, 0, "level=3:slicecrc=1:slices=16", "", ""},
    {"h264_nvenc", "cq", 19, 51, "b=0:rc=vbr", "preset=p5", "preset=p7"},
    {"hevc_nvenc", "cq", 21, 51, "b=0:rc=vbr", "preset=p5", "preset=p7"},
    {"av1_nvenc", "cq", 26, 51, "b=0:rc=vbr", "preset=p5", "preset=p7"},
    {"mpeg4", "", 0, 0, "q=2", "", ""},
    {"mpeg2video", "", 0, 0, "q=2", "", ""},
    {"mjpeg", "", 0, 0, "q=2", "", ""},
    {"wmv2", "", 0, 0, "q=2", "", ""},
    {"libtheora", "", 0, 0, "q=9", "", ""},
};

const Defaults* defaults_of(const std::string& encoder) {
  const auto* const found = std::find_if(std::begin(defaults), std::end(defaults),
                                         [&](const Defaults& entry) { return encoder == entry.encoder; });
  return found != std::end(defaults) ? found : nullptr;
}

void set(AVDictionary*& dictionary, const std::string& key, const std::string& value) {
  check(av_dict_set(&dictionary, key.c_str(), value.c_str(), 0), "", "an option cannot be set");
}

/// x265 takes a display's primaries in steps of 0.00002 and its light in steps of 0.0001 cd/m2.
std::string x265_hdr(const HighDynamicRange& hdr) {
  std::string text;
  if (hdr.mastering && hdr.mastering->has_primaries != 0 && hdr.mastering->has_luminance != 0) {
    const AVMasteringDisplayMetadata& display = *hdr.mastering;
    const auto steps = [](AVRational value, double step) {
      return std::to_string(std::llround(av_q2d(value) / step));
    };
    const auto point = [&](const char* name, const AVRational* xy) {
      return name + ("(" + steps(xy[0], 2e-5)) + "," + steps(xy[1], 2e-5) + ")";
    };
    text += ":hdr10=1:master-display=" + point("G", display.display_primaries[1]) +
            point("B", display.display_primaries[2]) + point("R", display.display_primaries[0]) +
            point("WP", display.white_point) + "L(" + steps(display.max_luminance, 1e-4) + "," +
            steps(display.min_luminance, 1e-4) + ")";
  }
  if (hdr.light)
    text += ":max-cll=" + std::to_string(hdr.light->MaxCLL) + "," + std::to_string(hdr.light->MaxFALL);
  return text;
}

/// The same on all machines: what many encoders write depends on it. More for a machine that has them:
/// --encoder-options threads=N.
int thread_count(const std::string& encoder) {
  if (encoder == "ffv1") return std::min(16, available_processors());  // its slices are fixed
  return encoder == "libx265" ? 2 : 4;  // for x265, frames at a time; each uses all processors
}

/// Whether a codec has a few frame rates, and no times.
bool counts_frames(AVCodecID codec) {
  return codec == AV_CODEC_ID_MPEG1VIDEO || codec == AV_CODEC_ID_MPEG2VIDEO || codec == AV_CODEC_ID_THEORA;
}

void check_quality(const EncoderSettings& settings) {
  const Defaults* const usual = defaults_of(settings.name);
  if (usual != nullptr && *usual->quality != '\0' && settings.crf > usual->most)
    throw Error(ErrorKind::invalid_argument, "", "--crf",
                "0 to " + text_of(usual->most) + " with " + settings.name, text_of(settings.crf));
}

/// All options: the defaults, those that the film asks for, the user's over them.
AVDictionary* collect(const EncoderSettings& settings) {
  AVDictionary* all = nullptr;
  const Defaults* const usual = defaults_of(settings.name);
  if (usual != nullptr) {
    // Whoever names a preset wants that, and not what improves on another.
    const bool preset = std::any_of(settings.options.begin(), settings.options.end(),
                                    [](const auto& option) { return option.first == "preset"; });
    av_dict_parse_string(&all, usual->always, "=", ":", 0);
    if (!preset) av_dict_parse_string(&all, settings.patient ? usual->patient : usual->quick, "=", ":", 0);
    if (*usual->quality != '\0')
      set(all, usual->quality, text_of(settings.crf >= 0 ? settings.crf : usual->value));
  }
  if (settings.crf >= 0 && (usual == nullptr || *usual->quality == '\0'))
    set(all, "crf", text_of(settings.crf));
  if (!settings.reorders) set(all, "bf", "0");
  const AVPixFmtDescriptor& format = description(settings.format);
  const bool alpha = has_alpha(format);
  if (settings.name == "libvpx-vp9" && alpha) set(all, "auto-alt-ref", "0");
  if (settings.name == "prores_ks") {
    set(all, "profile", format.log2_chroma_w == 0 ? "4444" : "hq");
    if (alpha) set(all, "alpha_bits", "16");
  }
  std::string x265 = "log-level=none:info=0" + x265_hdr(settings.hdr);
  for (const auto& [key, value] : settings.options) {
    if (settings.name == "libx265" && key == "x265-params")
      x265 += ":" + value;
    else
      set(all, key, value);
    if (key == "b" && usual != nullptr)  // a bit rate instead of a quality
      for (const char* const quality : {usual->quality, "q"}) set(all, quality, "");
  }
  if (settings.name == "libx265") set(all, "x265-params", x265);
  for (const AVDictionaryEntry* entry = nullptr;
       (entry = av_dict_get(all, "", entry, AV_DICT_IGNORE_SUFFIX)) != nullptr;)
    if (*entry->value == '\0') {
      av_dict_set(&all, entry->key, nullptr, 0);
      entry = nullptr;
    }
  return all;
}

}  // namespace

HighDynamicRange high_dynamic_range(const AVFrame* frame, const AVStream* stream) {
  const auto find = [&](AVFrameSideDataType of_frame, AVPacketSideDataType of_stream) -> const uint8_t* {
    const AVFrameSideData* const data = frame != nullptr ? av_frame_get_side_data(frame, of_frame) : nullptr;
    if (data != nullptr) return data->data;
    return stream != nullptr ? side_data_of(*stream, of_stream) : nullptr;
  };
  HighDynamicRange hdr;
  if (const uint8_t* data =
          find(AV_FRAME_DATA_MASTERING_DISPLAY_METADATA, AV_PKT_DATA_MASTERING_DISPLAY_METADATA))
    hdr.mastering = *reinterpret_cast<const AVMasteringDisplayMetadata*>(data);
  if (const uint8_t* data = find(AV_FRAME_DATA_CONTENT_LIGHT_LEVEL, AV_PKT_DATA_CONTENT_LIGHT_LEVEL))
    hdr.light = *reinterpret_cast<const AVContentLightMetadata*>(data);
  return hdr;
}

const AVCodec& find_encoder(const std::string& name) {
  const AVCodec* const codec = avcodec_find_encoder_by_name(name.c_str());
  if (codec != nullptr && codec->type == AVMEDIA_TYPE_VIDEO) return *codec;
  std::string offered;
  for (const Defaults& entry : defaults)
    if (avcodec_find_encoder_by_name(entry.encoder) != nullptr)
      offered += (offered.empty() ? "" : ", ") + std::string(entry.encoder);
  throw Error(ErrorKind::invalid_argument, "", "--encoder",
              "a video encoder of this FFmpeg, such as " + offered, "'" + name + "'");
}

std::string default_encoder(const std::string& file, AVPixelFormat wanted) {
  const AVOutputFormat& container = container_of(file);
  const std::string name = container.name;
  const bool alpha = has_alpha(description(wanted));
  // Containers that were made for other codecs than the two below, or hold one alone.
  constexpr std::pair<const char*, const char*> usual[] = {
      {"webm", "libvpx-vp9"}, {"hevc", "libx265"},    {"mpeg2video", "mpeg2video"}, {"mpeg", "mpeg2video"},
      {"vob", "mpeg2video"},  {"svcd", "mpeg2video"}, {"dvd", "mpeg2video"},        {"mjpeg", "mjpeg"},
      {"asf", "wmv2"},        {"ogv", "libtheora"},   {"ogg", "libtheora"},         {"ivf", "libvpx-vp9"},
      {"obu", "libsvtav1"},   {"avif", "libaom-av1"}, {"mpeg1video", "mpeg1video"}, {"m4v", "mpeg4"},
      {"h264", "libx264"}};
  for (const auto& [format, encoder] : usual)
    if (name == format) return encoder;
  if (alpha && name == "mov") return "prores_ks";
  if (alpha && is_matroska(container)) return "libvpx-vp9";
  return depth_of(wanted) > 8 ? "libx265" : "libx264";
}

AVPixelFormat encoder_format(const AVCodec& encoder, AVPixelFormat wanted, const std::string& asked) {
  if (asked.empty()) {
    const AVPixelFormat nearest = nearest_format(pixel_formats_of(encoder), wanted);
    if (nearest == AV_PIX_FMT_NONE) {
      if (pixel_formats_of(encoder) == nullptr) return AV_PIX_FMT_YUV420P;
      throw Error(ErrorKind::unsupported, "", std::string("--encoder ") + encoder.name,
                  "an encoder that takes frames from memory");
    }
    return nearest;
  }
  const AVPixelFormat format = av_get_pix_fmt(asked.c_str());
  std::string offered;
  for (const AVPixelFormat* other = pixel_formats_of(encoder); other != nullptr && *other != AV_PIX_FMT_NONE;
       ++other) {
    if (*other == format && is_writable(format)) return format;
    if (is_writable(*other))
      offered += (offered.empty() ? "" : ", ") + std::string(av_get_pix_fmt_name(*other));
  }
  throw Error(ErrorKind::invalid_argument, "", "--pixel-format",
              std::string("one that ") + encoder.name + " takes (" + offered + ")", asked);
}

Encoder::Encoder(const EncoderSettings& settings) : name_(settings.name), time_base_(settings.time_base) {
  const AVCodec& encoder = find_encoder(settings.name);
  check_quality(settings);
  codec_.reset(avcodec_alloc_context3(&encoder));
  if (!codec_) throw std::bad_alloc();
  codec_->width = settings.width;
  codec_->height = settings.height;
  codec_->pix_fmt = settings.format;
  codec_->time_base = counts_frames(encoder.id) ? av_inv_q(settings.frame_rate) : settings.time_base;
  codec_->framerate = settings.frame_rate;
  codec_->sample_aspect_ratio = settings.sample_aspect;
  codec_->colorspace = settings.colour.matrix;
  codec_->color_range = settings.colour.range;
  codec_->color_primaries = settings.colour.primaries;
  codec_->color_trc = settings.colour.transfer;
  codec_->chroma_sample_location = settings.colour.chroma;
  codec_->field_order = !settings.interlaced       ? AV_FIELD_PROGRESSIVE
                        : settings.top_field_first ? AV_FIELD_TT
                                                   : AV_FIELD_BB;
  if (settings.interlaced) codec_->flags |= AV_CODEC_FLAG_INTERLACED_DCT | AV_CODEC_FLAG_INTERLACED_ME;
  if (settings.global_header) codec_->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  codec_->thread_count = thread_count(settings.name);
  AVDictionary* options = collect(settings);
  if (const auto* q = av_dict_get(options, "q", nullptr, 0); q != nullptr) {
    codec_->flags |= AV_CODEC_FLAG_QSCALE;
    codec_->global_quality = FF_QP2LAMBDA * std::max(1, std::atoi(q->value));
    av_dict_set(&options, "q", nullptr, 0);
  }
  last_message();
  const int status = avcodec_open2(codec_.get(), &encoder, &options);
  const DictionaryPtr left(options);
  check(status, "",
        "the encoder " + name_ + " cannot be started for " + std::to_string(settings.width) + "x" +
            std::to_string(settings.height) + " " + av_get_pix_fmt_name(settings.format));
  if (const auto* unknown = av_dict_get(left.get(), "", nullptr, AV_DICT_IGNORE_SUFFIX); unknown != nullptr) {
    const bool quality = std::string(unknown->key) == "crf";
    throw Error(ErrorKind::invalid_argument, "", quality ? "--crf" : "--encoder-options",
                "an option of " + name_ + " (see 'ffmpeg -h encoder=" + name_ + "')", unknown->key);
  }
}

Encoder::~Encoder() {
  // SVT-AV1 waits for ever when it is closed before it has had a frame and was asked for all that is left.
  if (name_ != "libsvtav1" || ended_) return;
  AVFrame* frame = av_frame_alloc();
  if (!begun_ && frame != nullptr) {
    frame->format = codec_->pix_fmt;
    frame->width = codec_->width;
    frame->height = codec_->height;
    if (av_frame_get_buffer(frame, 0) >= 0) avcodec_send_frame(codec_.get(), frame);
  }
  av_frame_free(&frame);
  avcodec_send_frame(codec_.get(), nullptr);
  AVPacket* packet = av_packet_alloc();
  while (packet != nullptr && avcodec_receive_packet(codec_.get(), packet) >= 0) av_packet_unref(packet);
  av_packet_free(&packet);
}

/// The same frame with its number as its time.
FramePtr Encoder::counted(const AVFrame& frame) {
  FramePtr result = share(frame);
  result->pts = number_++;
  counted_.emplace(result->pts, frame.pts);
  return result;
}

void Encoder::send(const AVFrame* frame, const Take& take) {
  const std::string problem = "the encoder " + name_ + " failed";
  const bool counts = counts_frames(codec_->codec_id);
  const FramePtr numbered = counts && frame != nullptr ? counted(*frame) : nullptr;
  check(avcodec_send_frame(codec_.get(), numbered ? numbered.get() : frame), "", problem);
  begun_ = true;
  const PacketPtr packet = make_packet();
  for (;;) {
    const int status = avcodec_receive_packet(codec_.get(), packet.get());
    ended_ = ended_ || status == AVERROR_EOF;
    if (status == AVERROR(EAGAIN) || status == AVERROR_EOF) return;
    check(status, "", problem);
    if (counts) {
      packet->duration = av_rescale_q(packet->duration, codec_->time_base, time_base_);
      packet->pts = counted_.at(packet->pts);
      packet->dts = no_time;  // set for the film as a whole
    }
    take(*packet);
    av_packet_unref(packet.get());
  }
}

ParametersPtr Encoder::parameters() const {
  ParametersPtr parameters(avcodec_parameters_alloc());
  if (!parameters) throw std::bad_alloc();
  check(avcodec_parameters_from_context(parameters.get(), codec_.get()), "",
        "the encoder " + name_ + " failed");
  return parameters;
}

}  // namespace esrgan::video
