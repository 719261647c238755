#include "video/decoder.h"

#include <esrgan/error.h>

extern "C" {
#include <libavfilter/buffersink.h>
#include <libavutil/hwcontext.h>
#include <libavutil/pixdesc.h>
}

#include <algorithm>
#include <new>
#include <utility>

#include "base/log.h"
#include "base/platform_process.h"
#include "base/thread_pool.h"
#include "video/ffmpeg_compat.h"
#include "video/filter_graph.h"

namespace esrgan::video {
namespace {

/// Each thread of a decoder holds frames; more than these decode faster than any network works.
constexpr int most_threads = 8;

std::string describe_filters(const DecodeOptions& options) {
  std::string text;
  const auto add = [&](const std::string& filter) { text += (text.empty() ? "" : ",") + filter; };
  // Films on television: five frames of which two were woven of their neighbours' fields become four again.
  // What cannot be matched is deinterlaced.
  if (options.interlaced == Interlaced::film)
    add("fieldmatch,bwdif=mode=send_frame:deint=interlaced,decimate");
  if (options.interlaced == Interlaced::deinterlace) add("bwdif=mode=send_frame:deint=interlaced");
  if (options.interlaced == Interlaced::double_rate) add("bwdif=mode=send_field");
  if (options.fps.num > 0)
    add("fps=" + std::to_string(options.fps.num) + "/" + std::to_string(options.fps.den));
  if (options.rotation == 90) add("transpose=clock");
  if (options.rotation == 180) add("hflip,vflip");
  if (options.rotation == 270) add("transpose=cclock");
  if (options.flip) add("hflip");
  if (!options.format.empty()) add("format=" + options.format);
  return text;
}

/// The decoder that knows all of the stream: FFmpeg's own ones for VP8 and VP9 leave out alpha.
const AVCodec* choose_decoder(const AVStream& stream) {
  const AVDictionaryEntry* const alpha = av_dict_get(stream.metadata, "alpha_mode", nullptr, 0);
  if (alpha != nullptr && std::string(alpha->value) == "1") {
    const char* const name = stream.codecpar->codec_id == AV_CODEC_ID_VP9   ? "libvpx-vp9"
                             : stream.codecpar->codec_id == AV_CODEC_ID_VP8 ? "libvpx"
                                                                            : "";
    if (const AVCodec* const codec = avcodec_find_decoder_by_name(name)) return codec;
  }
  return avcodec_find_decoder(stream.codecpar->codec_id);
}

/// A device and the pixel format of frames on it, for a decoder.
struct Hardware {
  BufferPtr device;
  AVPixelFormat format = AV_PIX_FMT_NONE;
};

Hardware find_hardware(const AVCodec& codec, const std::string& wanted) {
  for (int i = 0;; ++i) {
    const AVCodecHWConfig* const config = avcodec_get_hw_config(&codec, i);
    if (config == nullptr) return {};
    if ((config->methods & AV_CODEC_HW_CONFIG_METHOD_HW_DEVICE_CTX) == 0) continue;
    const char* const name = av_hwdevice_get_type_name(config->device_type);
    if (wanted != "auto" && (name == nullptr || wanted != name)) continue;
    AVBufferRef* device = nullptr;
    if (av_hwdevice_ctx_create(&device, config->device_type, nullptr, nullptr, 0) >= 0)
      return {BufferPtr(device), config->pix_fmt};
  }
}

AVPixelFormat choose_format(AVCodecContext* codec, const AVPixelFormat* offered) {
  const AVPixelFormat wanted = *static_cast<const AVPixelFormat*>(codec->opaque);
  for (const AVPixelFormat* format = offered; *format != AV_PIX_FMT_NONE; ++format)
    if (*format == wanted) return *format;
  return avcodec_default_get_format(codec, offered);  // a profile that the device does not know
}

}  // namespace

AVRational output_time_base(AVRational video, const DecodeOptions& options) {
  if (options.fps.num > 0) return av_inv_q(options.fps);
  return options.interlaced == Interlaced::double_rate ? av_mul_q(video, rational(1, 2)) : video;
}

/// FFmpeg's filters, set up anew when frames change their size or format.
class ChunkDecoder::Filters {
 public:
  /// Frames come out with times in units of `out`.
  Filters(std::string description, AVRational time_base, AVRational frame_rate, AVRational out)
      : description_(std::move(description)), time_base_(time_base), frame_rate_(frame_rate), out_(out) {}

  void push(const AVFrame* frame, const std::function<bool(FramePtr)>& take) {
    if (frame != nullptr && !fits(*frame)) {
      if (graph_) flush(take);
      build(*frame);
    }
    if (!graph_) return;
    // The end is where the last frame's time is over.
    if (frame != nullptr) end_ = frame->pts + std::max<int64_t>(1, duration_of(*frame));
    graph_->push(*source_, frame, end_);
    while (FramePtr result = graph_->pull(*sink_)) {
      if (result->pts != no_time)
        result->pts = av_rescale_q(result->pts, av_buffersink_get_time_base(sink_), out_);
      if (!take(std::move(result))) return;
    }
  }

  void flush(const std::function<bool(FramePtr)>& take) {
    push(nullptr, take);
    graph_.reset();
  }

 private:
  bool fits(const AVFrame& frame) const {
    return graph_ && frame.width == width_ && frame.height == height_ && frame.format == format_;
  }

  void build(const AVFrame& frame) {
    width_ = frame.width;
    height_ = frame.height;
    format_ = frame.format;
    graph_.emplace("FFmpeg's filters '" + description_ + "' failed");
    source_ = &graph_->add("buffer", source_arguments(frame, time_base_, frame_rate_));
    sink_ = &graph_->add("buffersink", "");
    graph_->insert(description_, *source_, *sink_);
    graph_->configure();
  }

  std::string description_;
  AVRational time_base_, frame_rate_, out_;
  int64_t end_ = 0;
  std::optional<FilterGraph> graph_;
  AVFilterContext *source_ = nullptr, *sink_ = nullptr;  // owned by the graph
  int width_ = 0, height_ = 0, format_ = -1;
};

ChunkDecoder::ChunkDecoder(PacketReader& reader, const Plan& plan, DecodeOptions options)
    : reader_(reader),
      plan_(plan),
      options_(std::move(options)),
      time_base_(output_time_base(plan.time_base, options_)) {}

ChunkDecoder::~ChunkDecoder() = default;

void ChunkDecoder::open() {
  const Media& media = reader_.media();
  const std::string& path = media.path();
  const AVCodec* const decoder = choose_decoder(*media.video);
  if (decoder == nullptr)
    throw Error(ErrorKind::unsupported, path, "its video cannot be decoded", "a codec that this FFmpeg knows",
                avcodec_get_name(media.video->codecpar->codec_id));
  codec_.reset(avcodec_alloc_context3(decoder));
  if (!codec_) throw std::bad_alloc();
  check(avcodec_parameters_to_context(codec_.get(), media.video->codecpar), path,
        "its video cannot be decoded");
  codec_->pkt_timebase = plan_.time_base;
  codec_->thread_count = std::min(available_processors(), most_threads);
  if (!options_.hardware.empty()) {
    Hardware hardware = find_hardware(*decoder, options_.hardware);
    if (hardware.device) {
      codec_->hw_device_ctx = av_buffer_ref(hardware.device.get());
      hardware_format_ = hardware.format;
      codec_->opaque = &hardware_format_;
      codec_->get_format = choose_format;
    } else if (options_.hardware != "auto") {
      throw Error(ErrorKind::unsupported, path, "--hwaccel",
                  std::string("a device here that decodes ") + decoder->name, options_.hardware);
    }
  }
  check(avcodec_open2(codec_.get(), decoder, nullptr), path, "its video cannot be decoded");
  const std::string filters = describe_filters(options_);
  if (!filters.empty())
    filters_ = std::make_unique<Filters>(filters, plan_.time_base, media.frame_rate(), time_base_);
}

FramePtr ChunkDecoder::on_host(FramePtr frame) const {
  if (frame->hw_frames_ctx == nullptr) return frame;
  FramePtr host = make_frame();
  check(av_hwframe_transfer_data(host.get(), frame.get(), 0), reader_.media().path(),
        "a frame cannot be brought from the device that decodes");
  check(av_frame_copy_props(host.get(), frame.get()), reader_.media().path(), "a frame cannot be copied");
  return host;
}

/// The time of the next frame of a film whose frames are counted.
int64_t ChunkDecoder::next_counted() {
  const size_t number = count_++;
  if (number < plan_.counted.size()) return plan_.counted[number];
  return plan_.counted.back() + static_cast<int64_t>(number + 1 - plan_.counted.size()) * plan_.last_duration;
}

void ChunkDecoder::receive(const Chunk& chunk, const std::function<bool(FramePtr)>& take) {
  while (!ended_) {
    FramePtr frame = make_frame();
    const int status = avcodec_receive_frame(codec_.get(), frame.get());
    if (status == AVERROR(EAGAIN) || status == AVERROR_EOF) return;
    if (status == AVERROR(ENOMEM)) throw std::bad_alloc();
    if (status < 0) {
      if (counting_) ++lost_;
      continue;
    }
    frame = on_host(std::move(frame));
    frame->pts = plan_.counted.empty() ? frame->best_effort_timestamp : next_counted();
    // No two frames at one time, and none without: the next tick, then.
    if (frame->pts == no_time || (last_ != no_time && frame->pts <= last_))
      frame->pts = last_ == no_time ? 0 : last_ + 1;
    last_ = frame->pts;
    const bool damaged = frame->decode_error_flags != 0 || (frame->flags & AV_FRAME_FLAG_CORRUPT) != 0;
    if (damaged && chunk.owns(frame->pts)) ++damaged_;
    frame->pict_type = AV_PICTURE_TYPE_NONE;
    if (filters_)
      filters_->push(frame.get(), take);
    else
      ended_ = !take(std::move(frame));
  }
}

void ChunkDecoder::decode(const Chunk& chunk, int64_t keep_from, const std::function<bool(FramePtr)>& take) {
  filters_.reset();
  open();
  ended_ = false;
  last_ = no_time;
  count_ = 0;
  reader_.skip_to(chunk.place);
  const auto until_end = [&](FramePtr frame) {
    ended_ = ended_ || !take(std::move(frame));
    return !ended_;
  };
  for (int64_t number = chunk.first_packet; number < chunk.end_packet && !ended_; ++number) {
    const AVPacket* const packet = reader_.read(number);
    if (packet == nullptr) {
      if (chunk.end_packet == INT64_MAX) break;  // a pipe, of which no more was known
      throw Error(ErrorKind::io, reader_.media().path(), "has become shorter since it was first read");
    }
    reader_.forget_before(std::min(number, keep_from));
    if (packet->size == 0 && packet->side_data_elems == 0) continue;  // would stand for the end
    counting_ = !plan_.counted.empty() || chunk.owns(packet->pts);
    for (;;) {
      const int status = avcodec_send_packet(codec_.get(), packet);
      if (status == AVERROR(ENOMEM)) throw std::bad_alloc();
      receive(chunk, until_end);
      if (status == AVERROR(EAGAIN) && !ended_) continue;
      if (status < 0 && status != AVERROR(EAGAIN) && counting_) ++lost_;
      break;
    }
  }
  if (!ended_) {
    avcodec_send_packet(codec_.get(), nullptr);
    receive(chunk, until_end);
    if (filters_ && !ended_) filters_->flush(until_end);
  }
  codec_.reset();
}

}  // namespace esrgan::video
