// Where FFmpeg's versions differ, from 5.0 on: one name for what each of them calls otherwise. Versions are
// those in which the new name came (doc/APIchanges of FFmpeg).
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/frame.h>
}

#include <cstddef>
#include <cstdint>
#include <string>

namespace esrgan::video {

/// How long a frame is shown, in units of its stream; 0 when it is not known.
inline int64_t duration_of(const AVFrame& frame) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
  return frame.duration;
#else
  return frame.pkt_duration;
#endif
}

inline bool is_interlaced(const AVFrame& frame) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
  return (frame.flags & AV_FRAME_FLAG_INTERLACED) != 0;
#else
  return frame.interlaced_frame != 0;
#endif
}

inline bool has_top_field_first(const AVFrame& frame) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
  return (frame.flags & AV_FRAME_FLAG_TOP_FIELD_FIRST) != 0;
#else
  return frame.top_field_first != 0;
#endif
}

inline void set_interlaced(AVFrame& frame, bool top_field_first) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
  frame.flags |= AV_FRAME_FLAG_INTERLACED;
  frame.flags = top_field_first ? frame.flags | AV_FRAME_FLAG_TOP_FIELD_FIRST
                                : frame.flags & ~AV_FRAME_FLAG_TOP_FIELD_FIRST;
#else
  frame.interlaced_frame = 1;
  frame.top_field_first = top_field_first ? 1 : 0;
#endif
}

/// Of a stream as a whole; null when it has none of this kind.
inline const uint8_t* side_data_of(const AVStream& stream, AVPacketSideDataType type) {
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 102)
  const AVPacketSideData* const found =
      av_packet_side_data_get(stream.codecpar->coded_side_data, stream.codecpar->nb_coded_side_data, type);
  return found != nullptr ? found->data : nullptr;
#else
  return av_stream_get_side_data(&stream, type, nullptr);
#endif
}

/// Room for `size` bytes of side data of a stream that is written; null when there is no memory.
inline uint8_t* new_side_data(AVStream& stream, AVPacketSideDataType type, size_t size) {
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 102)
  AVPacketSideData* const made = av_packet_side_data_new(&stream.codecpar->coded_side_data,
                                                         &stream.codecpar->nb_coded_side_data, type, size, 0);
  return made != nullptr ? made->data : nullptr;
#else
  return av_stream_new_side_data(&stream, type, size);
#endif
}

/// All of a stream's side data.
struct SideData {
  const AVPacketSideData* data;
  int count;
  const AVPacketSideData* begin() const { return data; }
  const AVPacketSideData* end() const { return data + count; }
};
inline SideData all_side_data(const AVStream& stream) {
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 102)
  return {stream.codecpar->coded_side_data, stream.codecpar->nb_coded_side_data};
#else
  return {stream.side_data, stream.nb_side_data};
#endif
}

/// The formats that an encoder takes, ended by AV_PIX_FMT_NONE; null when it does not tell.
inline const AVPixelFormat* pixel_formats_of(const AVCodec& codec) {
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(61, 13, 100)
  const void* formats = nullptr;
  if (avcodec_get_supported_config(nullptr, &codec, AV_CODEC_CONFIG_PIX_FORMAT, 0, &formats, nullptr) < 0)
    return nullptr;
  return static_cast<const AVPixelFormat*>(formats);
#else
  return codec.pix_fmts;
#endif
}

/// The first of the sample formats that an encoder of sound takes; AV_SAMPLE_FMT_NONE when it does not tell.
inline AVSampleFormat sample_format_of(const AVCodec& codec) {
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(61, 13, 100)
  const void* formats = nullptr;
  if (avcodec_get_supported_config(nullptr, &codec, AV_CODEC_CONFIG_SAMPLE_FORMAT, 0, &formats, nullptr) <
          0 ||
      formats == nullptr)
    return AV_SAMPLE_FMT_NONE;
  return *static_cast<const AVSampleFormat*>(formats);
#else
  return codec.sample_fmts != nullptr ? *codec.sample_fmts : AV_SAMPLE_FMT_NONE;
#endif
}

/// The sample rates that an encoder of sound takes, ended by 0; null when it takes all.
inline const int* sample_rates_of(const AVCodec& codec) {
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(61, 13, 100)
  const void* rates = nullptr;
  if (avcodec_get_supported_config(nullptr, &codec, AV_CODEC_CONFIG_SAMPLE_RATE, 0, &rates, nullptr) < 0)
    return nullptr;
  return static_cast<const int*>(rates);
#else
  return codec.supported_samplerates;
#endif
}

/// "stereo", as FFmpeg's filters take it.
inline std::string channel_layout_of(const AVCodecContext& codec) {
  char text[64] = {};
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(59, 24, 100)
  AVChannelLayout layout{};
  if (codec.ch_layout.order == AV_CHANNEL_ORDER_UNSPEC)
    av_channel_layout_default(&layout, codec.ch_layout.nb_channels);
  else if (av_channel_layout_copy(&layout, &codec.ch_layout) < 0)
    return {};
  av_channel_layout_describe(&layout, text, sizeof text);
  av_channel_layout_uninit(&layout);
#else
  const uint64_t layout = codec.channel_layout != 0
                              ? codec.channel_layout
                              : static_cast<uint64_t>(av_get_default_channel_layout(codec.channels));
  av_get_channel_layout_string(text, sizeof text, codec.channels, layout);
#endif
  return text;
}

/// Gives an encoder of sound a decoder's channels; their number.
inline int copy_channel_layout(AVCodecContext& to, const AVCodecContext& from) {
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(59, 24, 100)
  if (from.ch_layout.order == AV_CHANNEL_ORDER_UNSPEC)
    av_channel_layout_default(&to.ch_layout, from.ch_layout.nb_channels);
  else if (av_channel_layout_copy(&to.ch_layout, &from.ch_layout) < 0)
    to.ch_layout = {};
  return to.ch_layout.nb_channels;
#else
  to.channels = from.channels;
  to.channel_layout = from.channel_layout != 0
                          ? from.channel_layout
                          : static_cast<uint64_t>(av_get_default_channel_layout(from.channels));
  return to.channels;
#endif
}

}  // namespace esrgan::video
