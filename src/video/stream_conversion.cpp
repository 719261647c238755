#include "video/stream_conversion.h"

#include <esrgan/error.h>

extern "C" {
#include <libavfilter/buffersink.h>
}

#include <algorithm>
#include <cstdlib>
#include <new>
#include <optional>
#include <vector>

#include "video/containers.h"
#include "video/ffmpeg_compat.h"
#include "video/filter_graph.h"

namespace esrgan::video {
namespace {

constexpr AVRational microseconds{1, AV_TIME_BASE};

CodecPtr open_decoder(const AVStream& from) {
  const std::string problem = kind_of(from) + " cannot be decoded";
  const AVCodec* const decoder = avcodec_find_decoder(from.codecpar->codec_id);
  if (decoder == nullptr)
    throw Error(ErrorKind::unsupported, "", problem, "a codec that this FFmpeg knows",
                avcodec_get_name(from.codecpar->codec_id));
  CodecPtr codec(avcodec_alloc_context3(decoder));
  if (!codec) throw std::bad_alloc();
  check(avcodec_parameters_to_context(codec.get(), from.codecpar), "", problem);
  codec->pkt_timebase = from.time_base;
  codec->thread_count = 1;
  check(avcodec_open2(codec.get(), decoder, nullptr), "", problem);
  return codec;
}

ParametersPtr parameters_of(const AVCodecContext& codec) {
  ParametersPtr parameters(avcodec_parameters_alloc());
  if (!parameters) throw std::bad_alloc();
  check(avcodec_parameters_from_context(parameters.get(), &codec), "", "an encoder failed");
  return parameters;
}

class TextConverter : public PacketConverter {
 public:
  TextConverter(const AVStream& from, AVCodecID to) : base_(from.time_base), decoder_(open_decoder(from)) {
    const AVCodec* const encoder = avcodec_find_encoder(to);
    if (encoder == nullptr)
      throw Error(ErrorKind::unsupported, "", kind_of(from) + " cannot be converted",
                  "an FFmpeg with an encoder for " + std::string(avcodec_get_name(to)));
    encoder_.reset(avcodec_alloc_context3(encoder));
    if (!encoder_) throw std::bad_alloc();
    encoder_->time_base = microseconds;
    if (decoder_->subtitle_header != nullptr) {
      const auto size = static_cast<size_t>(decoder_->subtitle_header_size);
      encoder_->subtitle_header = static_cast<uint8_t*>(av_mallocz(size + 1));
      if (encoder_->subtitle_header == nullptr) throw std::bad_alloc();
      std::copy_n(decoder_->subtitle_header, size, encoder_->subtitle_header);
      encoder_->subtitle_header_size = decoder_->subtitle_header_size;
    }
    check(avcodec_open2(encoder_.get(), encoder, nullptr), "", kind_of(from) + " cannot be converted");
  }

  ParametersPtr parameters() const override { return parameters_of(*encoder_); }
  AVRational time_base() const override { return microseconds; }

  void send(const AVPacket* packet, const Take& take) override {
    if (packet == nullptr) return;
    AVSubtitle text{};
    int complete = 0;
    // FFmpeg 5 does not say that it leaves the packet alone.
    auto* const given = const_cast<AVPacket*>(packet);
    if (avcodec_decode_subtitle2(decoder_.get(), &text, &complete, given) < 0 || complete == 0) return;
    if (text.num_rects > 0) take(encode(text, *packet));
    avsubtitle_free(&text);
  }

 private:
  PacketPtr encode(AVSubtitle& text, const AVPacket& packet) {
    constexpr int largest = 1 << 20;
    const int64_t begin = av_rescale_q(packet.pts != no_time ? packet.pts : packet.dts, base_, microseconds) +
                          int64_t{text.start_display_time} * 1000;
    int64_t duration = int64_t{text.end_display_time - text.start_display_time} * 1000;
    if (text.end_display_time == 0 || text.end_display_time == UINT32_MAX)
      duration = av_rescale_q(packet.duration, base_, microseconds);
    text.pts = begin;
    text.end_display_time = static_cast<uint32_t>(duration / 1000);
    text.start_display_time = 0;
    std::vector<uint8_t> bytes(largest);
    const int size = check(avcodec_encode_subtitle(encoder_.get(), bytes.data(), largest, &text), "",
                           "a subtitle cannot be converted");
    PacketPtr result = make_packet();
    check(av_new_packet(result.get(), size), "", "a subtitle cannot be converted");
    std::copy_n(bytes.data(), size, result->data);
    result->pts = result->dts = begin;
    result->duration = duration;
    result->flags |= AV_PKT_FLAG_KEY;
    return result;
  }

  AVRational base_;
  CodecPtr decoder_, encoder_;
};

class SoundEncoder : public PacketConverter {
 public:
  SoundEncoder(const AVStream& from, const std::string& name, bool global_header)
      : base_(from.time_base), decoder_(open_decoder(from)) {
    const AVCodec* const encoder = avcodec_find_encoder_by_name(name.c_str());
    if (encoder == nullptr || encoder->type != AVMEDIA_TYPE_AUDIO)
      throw Error(ErrorKind::invalid_argument, "", "--audio-encoder",
                  "an encoder of sound of this FFmpeg, such as aac, libopus or flac", "'" + name + "'");
    encoder_.reset(avcodec_alloc_context3(encoder));
    if (!encoder_) throw std::bad_alloc();
    encoder_->sample_rate = nearest_rate(*encoder, decoder_->sample_rate);
    encoder_->sample_fmt = sample_format_of(*encoder);
    if (encoder_->sample_fmt == AV_SAMPLE_FMT_NONE) encoder_->sample_fmt = decoder_->sample_fmt;
    const int channels = copy_channel_layout(*encoder_, *decoder_);
    encoder_->time_base = rational(1, encoder_->sample_rate);
    encoder_->bit_rate = int64_t{channels} * (channels > 2 ? 64'000 : 96'000);
    encoder_->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
    if (global_header) encoder_->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    encoder_->flags |= AV_CODEC_FLAG_BITEXACT;
    encoder_->thread_count = 1;
    check(avcodec_open2(encoder_.get(), encoder, nullptr), "",
          "--audio-encoder " + name + " does not take " + kind_of(from));
  }

  ParametersPtr parameters() const override { return parameters_of(*encoder_); }
  AVRational time_base() const override { return encoder_->time_base; }

  void send(const AVPacket* packet, const Take& take) override {
    avcodec_send_packet(decoder_.get(), packet);
    for (;;) {
      const FramePtr frame = make_frame();
      if (avcodec_receive_frame(decoder_.get(), frame.get()) < 0) break;
      filter(*frame, take);
    }
    if (packet != nullptr) return;
    if (graph_) {
      graph_->push(*source_, nullptr, next_);
      drain(take);
    }
    encode(nullptr, take);
  }

 private:
  static int nearest_rate(const AVCodec& encoder, int wanted) {
    const int* const rates = sample_rates_of(encoder);
    if (rates == nullptr) return wanted;
    int best = *rates;
    for (const int* rate = rates; *rate != 0; ++rate)
      if (std::abs(*rate - wanted) < std::abs(best - wanted)) best = *rate;
    return best;
  }

  /// Samples follow each other without the gaps and overlaps that rounded times would make.
  void restamp(AVFrame& frame) {
    const AVRational samples = rational(1, frame.sample_rate);
    const int64_t time = frame.best_effort_timestamp;
    const int64_t told = time != no_time ? av_rescale_q(time, base_, samples) : next_;
    const int64_t tolerance = frame.sample_rate / 20;
    if (next_ == no_time || std::abs(told - next_) > tolerance) next_ = told != no_time ? told : 0;
    frame.pts = next_;
    next_ += frame.nb_samples;
  }

  void filter(AVFrame& frame, const Take& take) {
    restamp(frame);
    if (!graph_) build(frame);
    graph_->push(*source_, &frame);
    drain(take);
  }

  void build(const AVFrame& frame) {
    graph_.emplace("FFmpeg's filters for sound failed");
    const std::string rate = std::to_string(frame.sample_rate);
    source_ = &graph_->add("abuffer", "time_base=1/" + rate + ":sample_rate=" + rate + ":sample_fmt=" +
                                          av_get_sample_fmt_name(static_cast<AVSampleFormat>(frame.format)) +
                                          ":channel_layout=" + channel_layout_of(*decoder_));
    AVFilterContext& format =
        graph_->add("aformat", std::string("sample_fmts=") + av_get_sample_fmt_name(encoder_->sample_fmt) +
                                   ":sample_rates=" + std::to_string(encoder_->sample_rate) +
                                   ":channel_layouts=" + channel_layout_of(*encoder_));
    // Encoders take so many samples at a time, or any number.
    AVFilterContext* const parts =
        encoder_->frame_size > 0
            ? &graph_->add("asetnsamples", "n=" + std::to_string(encoder_->frame_size) + ":p=0")
            : &graph_->add("anull", "");
    sink_ = &graph_->add("abuffersink", "");
    graph_->link({source_, &format, parts, sink_});
    graph_->configure();
  }

  void drain(const Take& take) {
    while (const FramePtr frame = graph_->pull(*sink_)) {
      frame->pts = av_rescale_q(frame->pts, av_buffersink_get_time_base(sink_), encoder_->time_base);
      encode(frame.get(), take);
    }
  }

  void encode(const AVFrame* frame, const Take& take) {
    check(avcodec_send_frame(encoder_.get(), frame), "", "sound cannot be encoded");
    for (;;) {
      PacketPtr packet = make_packet();
      const int status = avcodec_receive_packet(encoder_.get(), packet.get());
      if (status == AVERROR(EAGAIN) || status == AVERROR_EOF) return;
      check(status, "", "sound cannot be encoded");
      take(std::move(packet));
    }
  }

  AVRational base_;
  CodecPtr decoder_, encoder_;
  std::optional<FilterGraph> graph_;
  AVFilterContext *source_ = nullptr, *sink_ = nullptr;  // owned by the graph
  int64_t next_ = no_time;                               // of the sample that comes next
};

}  // namespace

std::unique_ptr<PacketConverter> convert_text(const AVStream& from, AVCodecID to) {
  return std::make_unique<TextConverter>(from, to);
}

std::unique_ptr<PacketConverter> encode_sound(const AVStream& from, const std::string& encoder,
                                              bool global_header) {
  return std::make_unique<SoundEncoder>(from, encoder, global_header);
}

}  // namespace esrgan::video
