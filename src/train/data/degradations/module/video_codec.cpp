// The module esrgan-video-codec: FFmpeg's encoders and decoders. It links nothing of this project.
#include "train/data/degradations/module/video_codec.h"

#include <esrgan/version.h>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>
}

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace esrgan::train {
namespace {

struct Free {
  void operator()(AVCodecContext* context) const { avcodec_free_context(&context); }
  void operator()(AVFormatContext* context) const { avformat_close_input(&context); }
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
  void operator()(SwsContext* context) const { sws_freeContext(context); }
};
template <typename Type>
using Owned = std::unique_ptr<Type, Free>;

constexpr AVPixelFormat coded = AV_PIX_FMT_YUV420P;

/// Sides of a frame are even.
int even(int side) {
  return side + side % 2;
}

/// From one form to another; pictures are enlarged by the pixel that makes a side even.
bool convert(const uint8_t* const from[], const int from_stride[], int from_width, int from_height,
             AVPixelFormat from_format, uint8_t* const to[], const int to_stride[], int to_width,
             int to_height, AVPixelFormat to_format) {
  const Owned<SwsContext> scaler(
      sws_getContext(from_width, from_height, from_format, to_width, to_height, to_format,
                     SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, nullptr, nullptr, nullptr));
  return scaler && sws_scale(scaler.get(), from, from_stride, 0, from_height, to, to_stride) == to_height;
}

Owned<AVCodecContext> open_encoder(const AVCodec* codec, int width, int height, const char* option,
                                   double value) {
  Owned<AVCodecContext> context(avcodec_alloc_context3(codec));
  if (!context) return nullptr;
  context->width = even(width);
  context->height = even(height);
  context->pix_fmt = coded;
  context->time_base = {1, 25};
  context->thread_count = 1;
  context->max_b_frames = 0;
  if (option == std::string("q")) {
    context->flags |= AV_CODEC_FLAG_QSCALE;
    context->global_quality = static_cast<int>(value * FF_QP2LAMBDA);
  } else if (av_opt_set_double(context->priv_data, option, value, 0) < 0) {
    return nullptr;
  }
  av_opt_set(context->priv_data, "preset", "veryfast", 0);   // those that have presets
  av_opt_set(context->priv_data, "tune", "zerolatency", 0);  // likewise
  av_opt_set(context->priv_data, "x265-params", "log-level=none:pools=none", 0);
  return avcodec_open2(context.get(), codec, nullptr) < 0 ? nullptr : std::move(context);
}

/// A codec at both ends.
struct Both {
  Owned<AVCodecContext> encoding, decoding;
  Owned<AVFrame> frame{av_frame_alloc()}, decoded{av_frame_alloc()};
  Owned<AVPacket> packet{av_packet_alloc()};

  explicit operator bool() const { return encoding && decoding && frame && decoded && packet; }

  /// Packets that there are go to the decoder; `all`: to the last.
  bool hand_on(bool all) const {
    for (;;) {
      const int result = avcodec_receive_packet(encoding.get(), packet.get());
      if (result == AVERROR(EAGAIN) && !all) return true;
      if (result == AVERROR_EOF) return avcodec_send_packet(decoding.get(), nullptr) >= 0;
      if (result < 0 || avcodec_send_packet(decoding.get(), packet.get()) < 0) return false;
      av_packet_unref(packet.get());
    }
  }
  /// Frames that have been decoded, to `pixels` from their number `done` on.
  bool collect(uint8_t* pixels, int width, int height, int& done) const {
    const int stride = 3 * width;
    while (avcodec_receive_frame(decoding.get(), decoded.get()) >= 0) {
      uint8_t* const to = pixels + static_cast<ptrdiff_t>(done++) * stride * height;
      if (!convert(decoded->data, decoded->linesize, decoded->width, decoded->height,
                   static_cast<AVPixelFormat>(decoded->format), &to, &stride, width, height,
                   AV_PIX_FMT_RGB24))
        return false;
    }
    return true;
  }
};

const char* code(uint8_t* pixels, int count, int width, int height, const char* name, const char* option,
                 double value) {
  av_log_set_level(AV_LOG_ERROR);
  const AVCodec* codec = avcodec_find_encoder_by_name(name);
  const AVCodec* decoder = codec == nullptr ? nullptr : avcodec_find_decoder(codec->id);
  if (decoder == nullptr) return "FFmpeg has no such encoder";
  Both both{open_encoder(codec, width, height, option, value),
            Owned<AVCodecContext>(avcodec_alloc_context3(decoder))};
  if (!both) return "FFmpeg cannot open the codec";
  AVFrame& frame = *both.frame;
  both.decoding->thread_count = 1;
  both.decoding->width = both.encoding->width;
  both.decoding->height = both.encoding->height;
  frame.format = coded;
  frame.width = both.encoding->width;
  frame.height = both.encoding->height;
  if (av_frame_get_buffer(&frame, 0) < 0) return "FFmpeg cannot convert the picture";
  if (avcodec_open2(both.decoding.get(), decoder, nullptr) < 0) return "FFmpeg cannot decode the picture";
  const int stride = 3 * width;
  int done = 0;
  for (int i = 0; i < count; ++i) {
    const uint8_t* const from = pixels + static_cast<ptrdiff_t>(i) * stride * height;
    if (av_frame_make_writable(&frame) < 0 ||
        !convert(&from, &stride, width, height, AV_PIX_FMT_RGB24, frame.data, frame.linesize, frame.width,
                 frame.height, coded))
      return "FFmpeg cannot convert the picture";
    frame.pts = i;
    frame.quality = both.encoding->global_quality;  // of a constant quantiser
    if (avcodec_send_frame(both.encoding.get(), &frame) < 0) return "FFmpeg cannot code the picture";
    // What is decoded takes the places of frames that were coded.
    if (!both.hand_on(false) || !both.collect(pixels, width, height, done))
      return "FFmpeg cannot decode the picture";
  }
  if (avcodec_send_frame(both.encoding.get(), nullptr) < 0 || !both.hand_on(true) ||
      !both.collect(pixels, width, height, done) || done != count)
    return "FFmpeg cannot code and decode the picture";
  return nullptr;
}

/// RGB of a decoded frame, its colours by what the film says of them.
bool to_rgb(const AVFrame& frame, std::vector<uint8_t>& pixels) {
  pixels.resize(static_cast<size_t>(frame.width) * static_cast<size_t>(frame.height) * 3);
  const Owned<SwsContext> scaler(sws_getContext(
      frame.width, frame.height, static_cast<AVPixelFormat>(frame.format), frame.width, frame.height,
      AV_PIX_FMT_RGB24, SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, nullptr, nullptr, nullptr));
  if (!scaler) return false;
  constexpr int high_definition = 720, neutral = 1 << 16;
  const int matrix = frame.colorspace != AVCOL_SPC_UNSPECIFIED ? frame.colorspace
                     : frame.height >= high_definition         ? SWS_CS_ITU709
                                                               : SWS_CS_ITU601;
  sws_setColorspaceDetails(scaler.get(), sws_getCoefficients(matrix),
                           frame.color_range == AVCOL_RANGE_JPEG ? 1 : 0, sws_getCoefficients(SWS_CS_DEFAULT),
                           1, 0, neutral, neutral);
  uint8_t* const to = pixels.data();
  const int stride = 3 * frame.width;
  return sws_scale(scaler.get(), frame.data, frame.linesize, 0, frame.height, &to, &stride) == frame.height;
}

const char* decode(const char* file, bool (*take)(void*, const uint8_t*, int, int), void* user) {
  av_log_set_level(AV_LOG_ERROR);
  AVFormatContext* opened = nullptr;
  if (avformat_open_input(&opened, file, nullptr, nullptr) < 0) return "FFmpeg cannot open it";
  const Owned<AVFormatContext> format(opened);
  const AVCodec* codec = nullptr;
  if (avformat_find_stream_info(format.get(), nullptr) < 0) return "FFmpeg finds no streams in it";
  const int stream = av_find_best_stream(format.get(), AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
  if (stream < 0) return "there is no video in it";
  const Owned<AVCodecContext> decoding(avcodec_alloc_context3(codec));
  const Owned<AVFrame> frame(av_frame_alloc());
  const Owned<AVPacket> packet(av_packet_alloc());
  if (!decoding || !frame || !packet ||
      avcodec_parameters_to_context(decoding.get(), format->streams[stream]->codecpar) < 0 ||
      avcodec_open2(decoding.get(), codec, nullptr) < 0)
    return "FFmpeg cannot open the codec";
  std::vector<uint8_t> pixels;
  for (bool more = true; more;) {
    more = av_read_frame(format.get(), packet.get()) >= 0;
    if (more && packet->stream_index != stream) {
      av_packet_unref(packet.get());
      continue;
    }
    // A damaged packet costs its frame; at the end the decoder hands out what it holds.
    avcodec_send_packet(decoding.get(), more ? packet.get() : nullptr);
    av_packet_unref(packet.get());
    while (avcodec_receive_frame(decoding.get(), frame.get()) >= 0) {
      if (!to_rgb(*frame, pixels)) return "FFmpeg cannot convert a frame";
      if (!take(user, pixels.data(), frame->width, frame->height)) return nullptr;
    }
  }
  return nullptr;
}

constexpr VideoCodecModule module{ESRGAN_VERSION, code, decode};

}  // namespace
}  // namespace esrgan::train

extern "C" __attribute__((visibility("default"))) const void* esrgan_video_codec_module() {
  return &esrgan::train::module;
}
