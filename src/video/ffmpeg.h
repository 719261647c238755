// FFmpeg's objects with C++ ownership, and its status codes as Errors.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavcodec/bsf.h>
#include <libavfilter/avfilter.h>
#include <libavformat/avformat.h>
#include <libavutil/frame.h>
}

#include <memory>
#include <string>

namespace esrgan::video {

struct Release {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
  void operator()(AVCodecContext* codec) const { avcodec_free_context(&codec); }
  void operator()(AVCodecParameters* parameters) const { avcodec_parameters_free(&parameters); }
  void operator()(AVFilterGraph* graph) const { avfilter_graph_free(&graph); }
  void operator()(AVFormatContext* format) const;  // input or output, with its file
  void operator()(AVDictionary* dictionary) const { av_dict_free(&dictionary); }
  void operator()(AVBufferRef* buffer) const { av_buffer_unref(&buffer); }
};
using FramePtr = std::unique_ptr<AVFrame, Release>;
using PacketPtr = std::unique_ptr<AVPacket, Release>;
using CodecPtr = std::unique_ptr<AVCodecContext, Release>;
using ParametersPtr = std::unique_ptr<AVCodecParameters, Release>;
using FilterGraphPtr = std::unique_ptr<AVFilterGraph, Release>;
using FormatPtr = std::unique_ptr<AVFormatContext, Release>;
using DictionaryPtr = std::unique_ptr<AVDictionary, Release>;
using BufferPtr = std::unique_ptr<AVBufferRef, Release>;

/// From now on FFmpeg prints nothing; what it would have said is kept for Errors.
void capture_messages();

/// What FFmpeg last said in error on this thread or those it started, since the last call; may be empty.
std::string last_message();

std::string error_text(int status);

/// Returns `status` if it is not negative. Otherwise throws Error "FILE: PROBLEM: what FFmpeg says";
/// bad_alloc when memory ran out.
int check(int status, const std::string& file, const std::string& problem);

FramePtr make_frame();
PacketPtr make_packet();
/// Another reference to the same data.
FramePtr share(const AVFrame& frame);

inline AVRational rational(int numerator, int denominator) {
  return {numerator, denominator};
}
/// Seconds of a time in units of `base`.
inline double seconds(int64_t time, AVRational base) {
  return static_cast<double>(time) * av_q2d(base);
}

/// A timestamp or duration that is not known.
constexpr int64_t no_time = INT64_MIN;
static_assert(no_time == AV_NOPTS_VALUE);

}  // namespace esrgan::video
