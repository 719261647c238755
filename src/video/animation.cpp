#include "video/animation.h"

#include <esrgan/error.h>

extern "C" {
#include <libavfilter/buffersink.h>
}

#include <algorithm>
#include <array>
#include <functional>
#include <new>
#include <optional>
#include <string_view>

#include "base/file.h"
#include "image/metadata/metadata.h"
#include "image/writer.h"
#include "video/containers.h"
#include "video/encoder.h"
#include "video/ffmpeg_compat.h"
#include "video/filter_graph.h"
#include "video/frame_pixels.h"
#include "video/output_file.h"
#include "video/video_packets.h"

namespace esrgan::video {
namespace {

/// What FFmpeg calls the parts, and how it wants them.
struct Kind {
  const char *container, *encoder, *options;
  AVRational time_base;
  const char* filters;
};
constexpr Kind kinds[] = {
    {"gif", "gif", "", {1, 100}, "paletteuse=dither=sierra2_4a:diff_mode=rectangle"},
    {"apng", "apng", "pred=mixed", {1, 1000}, "format=rgba"},
};

/// Whether the library for pictures writes it: FFmpeg's WebP loses the time of the last frame, and joins
/// others.
bool is_picture(const AVOutputFormat& container) {
  return std::string_view(container.name) == "webp";
}

const Kind& kind_of_container(const AVOutputFormat& container) {
  return *std::find_if(std::begin(kinds), std::end(kinds),
                       [&](const Kind& kind) { return std::string_view(kind.container) == container.name; });
}

/// The frames of a film's segments, in order.
class SegmentFrames {
 public:
  SegmentFrames(const MuxRequest& request, const std::vector<std::string>& segments)
      : packets_(request, segments), stream_(packets_.stream()) {
    const AVCodec* const decoder = avcodec_find_decoder(stream_.parameters->codec_id);
    codec_.reset(avcodec_alloc_context3(decoder));
    if (!codec_) throw std::bad_alloc();
    check(avcodec_parameters_to_context(codec_.get(), stream_.parameters.get()), request.output,
          "cannot be made");
    codec_->thread_count = 1;
    check(avcodec_open2(codec_.get(), decoder, nullptr), request.output, "cannot be made");
  }

  const StreamDescription& stream() const { return stream_; }
  const SegmentCounts& counts() const { return packets_.counts(); }

  /// Null behind the last.
  FramePtr next() {
    for (;;) {
      FramePtr frame = make_frame();
      const int status = avcodec_receive_frame(codec_.get(), frame.get());
      if (status >= 0) {
        frame->pts = frame->best_effort_timestamp;
        return frame;
      }
      if (status == AVERROR_EOF) return nullptr;
      if (status != AVERROR(EAGAIN)) check(status, "", "a segment cannot be decoded");
      const PacketPtr packet = packets_.next();
      if (packet) last_duration_ = packet->duration;
      check(avcodec_send_packet(codec_.get(), packet.get()), "", "a segment cannot be decoded");
    }
  }
  int64_t last_duration() const { return last_duration_; }

 private:
  VideoPackets packets_;
  StreamDescription stream_;
  CodecPtr codec_;
  int64_t last_duration_ = 0;
};

class AnimationWriter {
 public:
  AnimationWriter(const MuxRequest& request, const std::vector<std::string>& segments, std::string file,
                  std::stop_token stop)
      : request_(request),
        segments_(segments),
        file_(std::move(file)),
        stop_(std::move(stop)),
        container_(container_of(request.output)),
        kind_(kind_of_container(container_)) {}

  SegmentCounts run() {
    if (std::string_view(kind_.encoder) == "gif") palette_ = choose_palette();
    SegmentFrames frames(request_, segments_);
    AVFilterContext *source = nullptr, *sink = nullptr;
    std::optional<FilterGraph> graph;
    int64_t end = 0;
    const auto drain = [&] {
      while (const FramePtr shown = graph->pull(*sink)) {
        if (!codec_) open(*shown, frames.stream());
        shown->pts =
            std::max(last_ + 1, av_rescale_q(shown->pts, av_buffersink_get_time_base(sink), kind_.time_base));
        last_ = shown->pts;
        encode(shown.get());
      }
    };
    while (const FramePtr frame = frames.next()) {
      if (stop_.stop_requested()) throw Cancelled();
      if (!graph) {
        graph.emplace("FFmpeg's filters for an animation failed");
        build(*graph, *frame, frames.stream(), source, sink);
      }
      end = frame->pts + frames.last_duration();
      graph->push(*source, frame.get());
      drain();
    }
    graph->push(*source, nullptr, end);
    drain();
    encode(nullptr);
    finish_output(*format_, request_.output);
    return frames.counts();
  }

 private:
  /// The 256 colours, one of them transparent, that serve all frames best.
  FramePtr choose_palette() const {
    SegmentFrames frames(request_, segments_);
    FilterGraph graph("FFmpeg cannot choose a palette");
    AVFilterContext *source = nullptr, *sink = nullptr;
    while (const FramePtr frame = frames.next()) {
      if (stop_.stop_requested()) throw Cancelled();
      if (source == nullptr) {
        source = &graph.add("buffer",
                            source_arguments(*frame, frames.stream().time_base, frames.stream().frame_rate));
        sink = &graph.add("buffersink", "");
        graph.link({source, &graph.add("palettegen", "stats_mode=full"), sink});
        graph.configure();
      }
      graph.push(*source, frame.get());
    }
    if (source == nullptr) throw Error(ErrorKind::internal, request_.output, "has no frame");
    graph.push(*source, nullptr);
    return graph.pull(*sink);
  }

  void build(FilterGraph& graph, const AVFrame& frame, const StreamDescription& stream,
             AVFilterContext*& source, AVFilterContext*& sink) const {
    source = &graph.add("buffer", source_arguments(frame, stream.time_base, stream.frame_rate), "frames");
    sink = &graph.add("buffersink", "");
    if (!palette_) {
      graph.insert(kind_.filters, *source, *sink);
      graph.configure();
      return;
    }
    const std::string_view text(kind_.filters);
    const size_t middle = text.find('=');
    AVFilterContext& use =
        graph.add(std::string(text.substr(0, middle)).c_str(), std::string(text.substr(middle + 1)));
    AVFilterContext& colours =
        graph.add("buffer", source_arguments(*palette_, stream.time_base, stream.frame_rate), "palette");
    graph.link(*source, use, 0);
    graph.link(colours, use, 1);
    graph.link({&use, sink});
    graph.configure();
    graph.push(colours, palette_.get());
    graph.push(colours, nullptr);
  }

  void open(const AVFrame& frame, const StreamDescription& stream) {
    const AVCodec& encoder = find_encoder(kind_.encoder);
    codec_.reset(avcodec_alloc_context3(&encoder));
    if (!codec_) throw std::bad_alloc();
    codec_->width = frame.width;
    codec_->height = frame.height;
    codec_->pix_fmt = static_cast<AVPixelFormat>(frame.format);
    codec_->time_base = kind_.time_base;
    codec_->framerate = stream.frame_rate;
    codec_->thread_count = 1;
    if ((container_.flags & AVFMT_GLOBALHEADER) != 0) codec_->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    AVDictionary* options = nullptr;
    av_dict_parse_string(&options, kind_.options, "=", ":", 0);
    const int status = avcodec_open2(codec_.get(), &encoder, &options);
    const DictionaryPtr left(options);
    check(status, request_.output, "cannot be made");

    format_ = open_output(container_, file_, request_.output);
    AVStream* const to = avformat_new_stream(format_.get(), nullptr);
    if (to == nullptr) throw std::bad_alloc();
    check(avcodec_parameters_from_context(to->codecpar, codec_.get()), request_.output, "cannot be written");
    to->time_base = kind_.time_base;
    to->avg_frame_rate = stream.frame_rate;
  }

  /// When the first packet is there: the encoder may have added to what it said of its stream.
  void begin() {
    AVDictionary* usual = nullptr;
    const std::string_view name(kind_.container);
    const int plays = request_.plays;
    if (name == "gif")  // which counts repetitions, and can leave out the count
      av_dict_set_int(&usual, "loop", plays == 0 ? 0 : (plays == 1 ? -1 : plays - 1), 0);
    else
      av_dict_set_int(&usual, "plays", plays, 0);
    av_dict_set(&usual, "final_delay",
                (std::to_string(last_delay()) + (name == "gif" ? "" : "/1000")).c_str(), 0);
    write_header(*format_, usual, request_.options, request_.output);
    begun_ = true;
  }

  /// The request's, since the header is written before the last frame is known.
  int64_t last_delay() const {
    return std::max<int64_t>(1, av_rescale_q(request_.last_duration, request_.time_base, kind_.time_base));
  }

  void encode(const AVFrame* frame) {
    check(avcodec_send_frame(codec_.get(), frame), request_.output, "cannot be encoded");
    for (;;) {
      const PacketPtr packet = make_packet();
      const int status = avcodec_receive_packet(codec_.get(), packet.get());
      if (status == AVERROR(EAGAIN) || status == AVERROR_EOF) return;
      check(status, request_.output, "cannot be encoded");
      if (!begun_) begin();
      packet->stream_index = 0;
      av_packet_rescale_ts(packet.get(), kind_.time_base, format_->streams[0]->time_base);
      check(av_write_frame(format_.get(), packet.get()), request_.output, "cannot be written");
    }
  }

  const MuxRequest& request_;
  const std::vector<std::string>& segments_;
  std::string file_;
  std::stop_token stop_;
  const AVOutputFormat& container_;
  const Kind& kind_;
  FramePtr palette_;
  CodecPtr codec_;
  FormatPtr format_;
  int64_t last_ = -1;
  bool begun_ = false;
};

SegmentCounts write_picture(const MuxRequest& request, const std::vector<std::string>& segments,
                            const std::stop_token& stop) {
  if (!request.options.empty())
    throw Error(ErrorKind::invalid_argument, "", "--container-options", "none for WebP",
                request.options.front().first);
  SegmentFrames frames(request, segments);
  WriteOptions options;
  options.quality = 90;
  const auto writer =
      PictureWriter::create(request.output, options, static_cast<int>(frames.counts().frames));
  auto metadata = std::make_shared<ImageMetadata>();
  metadata->loops = request.plays;
  Pixels pixels;
  while (const FramePtr frame = frames.next()) {
    if (stop.stop_requested()) throw Cancelled();
    FrameReader reader(*frame, Lines::all);
    reader.read(*frame, pixels);
    ImageInfo info;
    info.width = frame->width;
    info.height = frame->height;
    info.channels = reader.channels();
    info.seconds = seconds(duration_of(*frame), frames.stream().time_base);
    info.metadata = metadata;
    const auto sink = writer->picture(info);
    sink->write(pixels.data(), info.height);
    sink->finish();
  }
  return frames.counts();
}

}  // namespace

bool is_animation(const AVOutputFormat& container) {
  return is_picture(container) || std::any_of(std::begin(kinds), std::end(kinds), [&](const Kind& kind) {
           return std::string_view(kind.container) == container.name;
         });
}

int plays_of(const std::string& path) {
  std::array<uint8_t, 1 << 16> head{};
  const InputFile file(path);
  const size_t length = file.read_at(0, head);
  const std::string_view text(reinterpret_cast<const char*>(head.data()), length);
  const auto byte = [&](size_t at) { return at < length ? int{head[at]} : 0; };
  if (text.starts_with("GIF8")) {
    // The application extension of Netscape: a block of 3 bytes, 1 and the number of repetitions.
    const size_t found = text.find("NETSCAPE2.0\x03\x01");
    if (found == std::string_view::npos) return 1;
    const int repetitions = byte(found + 13) | byte(found + 14) << 8;
    return repetitions == 0 ? 0 : repetitions + 1;
  }
  if (text.starts_with("\x89PNG")) {
    const size_t found = text.find("acTL");
    if (found == std::string_view::npos) return 0;
    return byte(found + 10) << 8 | byte(found + 11);  // of 32 bits, the most significant first
  }
  if (text.starts_with("RIFF") && text.substr(8).starts_with("WEBP")) {
    const size_t found = text.find("ANIM");
    return found == std::string_view::npos ? 0 : byte(found + 12) | byte(found + 13) << 8;
  }
  return 0;
}

SegmentCounts write_animation(const MuxRequest& request, const std::vector<std::string>& segments,
                              const std::stop_token& stop) {
  capture_messages();
  if (is_picture(container_of(request.output))) return write_picture(request, segments, stop);
  AtomicFile file(request.output);
  const SegmentCounts counts = AnimationWriter(request, segments, file.temporary().string(), stop).run();
  file.commit();
  return counts;
}

}  // namespace esrgan::video
