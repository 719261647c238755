// The module esrgan-video-codec: FFmpeg's encoders and decoders for single pictures. It links nothing of this
// project.
#include "train/data/degradations/module/video_codec.h"

#include <esrgan/version.h>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>
}

#include <memory>
#include <string>

namespace esrgan::train {
namespace {

struct Free {
  void operator()(AVCodecContext* context) const { avcodec_free_context(&context); }
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

const char* code(uint8_t* pixels, int width, int height, const char* name, const char* option, double value) {
  av_log_set_level(AV_LOG_ERROR);
  const AVCodec* codec = avcodec_find_encoder_by_name(name);
  const AVCodec* decoder = codec == nullptr ? nullptr : avcodec_find_decoder(codec->id);
  if (decoder == nullptr) return "FFmpeg has no such encoder";
  const Owned<AVCodecContext> encoding = open_encoder(codec, width, height, option, value);
  const Owned<AVCodecContext> decoding(avcodec_alloc_context3(decoder));
  const Owned<AVFrame> frame(av_frame_alloc()), decoded(av_frame_alloc());
  const Owned<AVPacket> packet(av_packet_alloc());
  if (!encoding || !decoding || !frame || !decoded || !packet) return "FFmpeg cannot open the codec";
  decoding->thread_count = 1;
  decoding->width = encoding->width;
  decoding->height = encoding->height;
  frame->format = coded;
  frame->width = encoding->width;
  frame->height = encoding->height;
  frame->pts = 0;
  frame->quality = encoding->global_quality;  // of a constant quantiser
  const int stride = 3 * width;
  if (av_frame_get_buffer(frame.get(), 0) < 0 ||
      !convert(&pixels, &stride, width, height, AV_PIX_FMT_RGB24, frame->data, frame->linesize, frame->width,
               frame->height, coded))
    return "FFmpeg cannot convert the picture";
  if (avcodec_send_frame(encoding.get(), frame.get()) < 0 ||
      avcodec_send_frame(encoding.get(), nullptr) < 0 ||
      avcodec_receive_packet(encoding.get(), packet.get()) < 0)
    return "FFmpeg cannot code the picture";
  if (avcodec_open2(decoding.get(), decoder, nullptr) < 0 ||
      avcodec_send_packet(decoding.get(), packet.get()) < 0 ||
      avcodec_send_packet(decoding.get(), nullptr) < 0 ||
      avcodec_receive_frame(decoding.get(), decoded.get()) < 0)
    return "FFmpeg cannot decode the picture";
  if (!convert(decoded->data, decoded->linesize, decoded->width, decoded->height,
               static_cast<AVPixelFormat>(decoded->format), &pixels, &stride, width, height,
               AV_PIX_FMT_RGB24))
    return "FFmpeg cannot convert the picture";
  return nullptr;
}

constexpr VideoCodecModule module{ESRGAN_VERSION, code};

}  // namespace
}  // namespace esrgan::train

extern "C" __attribute__((visibility("default"))) const void* esrgan_video_codec_module() {
  return &esrgan::train::module;
}
