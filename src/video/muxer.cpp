#include "video/muxer.h"

#include <esrgan/error.h>

extern "C" {
#include <libavutil/display.h>
}

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <new>
#include <optional>

#include "base/file.h"
#include "base/log.h"
#include "video/containers.h"
#include "video/ffmpeg_compat.h"
#include "video/other_streams.h"
#include "video/output_file.h"
#include "video/video_packets.h"

namespace esrgan::video {
namespace {

class Muxer {
 public:
  Muxer(const MuxRequest& request, const StreamDescription& video, const std::string& file)
      : request_(request), container_(container_of(request.output)) {
    format_ = open_output(container_, file, request.output);
    format_->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;  // FLAC in MP4
    if (!request.others.path.empty()) others_.emplace(request);
    add_streams(video);
    if (others_) {
      copy_chapters();
      check(av_dict_copy(&format_->metadata, others_->format().metadata, 0), request.output,
            "cannot be written");
    }
    // MP4 begins with its index, so that players on the web need not wait.
    AVDictionary* usual = nullptr;
    if (is_quicktime(container_)) av_dict_set(&usual, "movflags", "+faststart", 0);
    write_header(*format_, usual, request.options, request.output);
  }

  void run(VideoPackets& packets, const std::stop_token& stop) {
    PacketPtr video = packets.next();
    std::optional<OtherPacket> other = next_other();
    const AVRational base = packets.stream().time_base;
    while (video || other) {
      if (stop.stop_requested()) throw Cancelled();
      if (video && (!other || av_compare_ts(video->dts, base, other->packet->dts, other->base) <= 0)) {
        video->stream_index = video_->index;
        write(std::move(video), base);
        video = packets.next();
      } else {
        other->packet->stream_index = other->stream;
        write(std::move(other->packet), other->base);
        other = next_other();
      }
    }
    check(av_interleaved_write_frame(format_.get(), nullptr), request_.output, "cannot be written");
    if (unwritable_ > 0)
      log_warning(request_.output + ": " + std::to_string(unwritable_) + " damaged packets of " +
                  request_.others.path + " could not be copied");
    finish_output(*format_, request_.output);
  }

  /// What becomes of the film's other streams, in words, where it is not the same as before.
  const std::vector<std::string>& remarks() const { return remarks_; }

 private:
  AVStream& new_stream() {
    AVStream* const stream = avformat_new_stream(format_.get(), nullptr);
    if (stream == nullptr) throw std::bad_alloc();
    last_times_.push_back(no_time);
    return *stream;
  }

  void add_streams(const StreamDescription& video) {
    if (!others_) {
      add_video(video, nullptr);
      return;
    }
    for (unsigned i = 0; i < others_->format().nb_streams; ++i) {
      const AVStream& from = *others_->format().streams[i];
      if (&from == others_->video())
        add_video(video, &from);
      else
        add_other(from);
    }
  }

  void add_other(const AVStream& from) {
    switch (fate_of(from, container_, !request_.audio_encoder.empty())) {
      case Fate::copied:
        others_->route(from, copy_stream(from).index);
        if (from.codecpar->codec_type == AVMEDIA_TYPE_VIDEO && !is_cover(from))
          remarks_.push_back(kind_of(from) +
                             " is copied as it is (--video-stream chooses another one to enlarge)");
        if (is_drawn(from))
          remarks_.push_back(kind_of(from) + ": its pictures stay as they are; players fit them to the film");
        break;
      case Fate::converted:
        add_converted(from, convert_text(from, text_codec_of(container_)));
        remarks_.push_back(kind_of(from) + " becomes " + avcodec_get_name(text_codec_of(container_)) +
                           ", which " + container_.name + " holds");
        break;
      case Fate::encoded:
        add_converted(
            from, encode_sound(from, request_.audio_encoder, (container_.flags & AVFMT_GLOBALHEADER) != 0));
        break;
      case Fate::attached:
        attach_cover(from);
        break;
      case Fate::rewritten:
        break;
      case Fate::impossible:
        if (!request_.skip_unsupported) refuse(from);
        [[fallthrough]];
      case Fate::left_out:
        remarks_.push_back(kind_of(from) + " is left out: " + container_.name + " cannot hold it");
        break;
    }
  }

  [[noreturn]] void refuse(const AVStream& stream) const {
    std::string expected = is_matroska(container_) ? "" : "a container that can, such as .mkv";
    const std::string encoder = usual_audio_encoder(container_);
    const auto offer = [&](const std::string& way) { expected += (expected.empty() ? "" : ", or ") + way; };
    if (stream.codecpar->codec_type == AVMEDIA_TYPE_AUDIO && !encoder.empty())
      offer("--audio-encoder " + encoder + ", to encode it anew");
    offer("--skip-unsupported, to leave such streams out");
    throw Error(ErrorKind::unsupported, request_.output,
                "cannot hold " + kind_of(stream) + " of " + request_.others.path, expected);
  }

  void add_converted(const AVStream& from, std::unique_ptr<PacketConverter> converter) {
    AVStream& to = new_stream();
    check(avcodec_parameters_copy(to.codecpar, converter->parameters().get()), request_.output,
          "cannot be written");
    to.codecpar->codec_tag = 0;
    to.time_base = converter->time_base();
    copy_properties(from, to);
    drop_statistics(to.metadata);
    others_->route(from, to.index, std::move(converter));
  }

  void copy_properties(const AVStream& from, AVStream& to) const {
    to.disposition = from.disposition;
    check(av_dict_copy(&to.metadata, from.metadata, 0), request_.output, "cannot be written");
  }

  AVStream& copy_stream(const AVStream& from) {
    AVStream& to = new_stream();
    check(avcodec_parameters_copy(to.codecpar, from.codecpar), request_.output, "cannot be written");
    // A tag of the other container means nothing here, unless it is one that this one knows.
    unsigned tag = 0;
    const bool known =
        container_.codec_tag != nullptr &&
        av_codec_get_id(container_.codec_tag, from.codecpar->codec_tag) == from.codecpar->codec_id;
    if (container_.codec_tag != nullptr && !known)
      av_codec_get_tag2(container_.codec_tag, from.codecpar->codec_id, &tag);
    to.codecpar->codec_tag = known ? from.codecpar->codec_tag : tag;
    to.time_base = from.time_base;
    to.avg_frame_rate = from.avg_frame_rate;
    to.r_frame_rate = from.r_frame_rate;
    to.sample_aspect_ratio = from.sample_aspect_ratio;
    to.duration = from.duration;
    copy_properties(from, to);
    for (const AVPacketSideData& side : all_side_data(from)) {
      uint8_t* const data = new_side_data(to, side.type, side.size);
      if (data == nullptr) throw std::bad_alloc();
      std::memcpy(data, side.data, side.size);
    }
    return to;
  }

  template <typename T>
  static void add_side_data(AVStream& stream, AVPacketSideDataType type, const T& value) {
    uint8_t* const data = new_side_data(stream, type, sizeof value);
    if (data == nullptr) throw std::bad_alloc();
    std::memcpy(data, &value, sizeof value);
  }

  void add_video(const StreamDescription& description, const AVStream* from) {
    AVStream& to = new_stream();
    video_ = &to;
    check(avcodec_parameters_copy(to.codecpar, description.parameters.get()), request_.output,
          "cannot be written");
    to.codecpar->codec_tag = 0;
    if (is_quicktime(container_) && to.codecpar->codec_id == AV_CODEC_ID_HEVC)
      to.codecpar->codec_tag = MKTAG('h', 'v', 'c', '1');  // the only one that Apple's players take
    to.time_base = description.time_base;
    to.avg_frame_rate = to.r_frame_rate = description.frame_rate;
    to.sample_aspect_ratio = description.sample_aspect;
    if (description.hdr.mastering)
      add_side_data(to, AV_PKT_DATA_MASTERING_DISPLAY_METADATA, *description.hdr.mastering);
    if (description.hdr.light) add_side_data(to, AV_PKT_DATA_CONTENT_LIGHT_LEVEL, *description.hdr.light);
    if (from == nullptr) return;
    copy_properties(*from, to);
    drop_statistics(to.metadata);
    const uint8_t* const matrix = side_data_of(*from, AV_PKT_DATA_DISPLAYMATRIX);
    if (matrix != nullptr && request_.keep_rotation) {
      int32_t values[9];
      std::memcpy(values, matrix, sizeof values);
      values[6] = values[7] = 0;  // a shift, in the old frame's pixels
      add_side_data(to, AV_PKT_DATA_DISPLAYMATRIX, values);
    }
  }

  /// What Matroska's tools note of a stream's size, which is no longer true.
  static void drop_statistics(AVDictionary*& metadata) {
    for (const AVDictionaryEntry* entry = nullptr;
         (entry = av_dict_get(metadata, "", entry, AV_DICT_IGNORE_SUFFIX)) != nullptr;) {
      const std::string key = entry->key;
      if (key.starts_with("BPS") || key.starts_with("NUMBER_OF_") || key.starts_with("_STATISTICS") ||
          key.starts_with("DURATION") || key == "encoder") {
        av_dict_set(&metadata, key.c_str(), nullptr, 0);
        entry = nullptr;
      }
    }
  }

  /// A cover picture as Matroska has it.
  void attach_cover(const AVStream& from) {
    AVStream& to = new_stream();
    const AVPacket& picture = from.attached_pic;
    to.codecpar->codec_type = AVMEDIA_TYPE_ATTACHMENT;
    to.codecpar->codec_id = from.codecpar->codec_id;
    to.codecpar->extradata =
        static_cast<uint8_t*>(av_mallocz(static_cast<size_t>(picture.size) + AV_INPUT_BUFFER_PADDING_SIZE));
    if (to.codecpar->extradata == nullptr) throw std::bad_alloc();
    std::memcpy(to.codecpar->extradata, picture.data, static_cast<size_t>(picture.size));
    to.codecpar->extradata_size = picture.size;
    copy_properties(from, to);
    to.disposition = 0;
    const bool png = from.codecpar->codec_id == AV_CODEC_ID_PNG;
    av_dict_set(&to.metadata, "filename", png ? "cover.png" : "cover.jpg", AV_DICT_DONT_OVERWRITE);
    av_dict_set(&to.metadata, "mimetype", png ? "image/png" : "image/jpeg", AV_DICT_DONT_OVERWRITE);
  }

  void copy_chapters() {
    const AVFormatContext& from = others_->format();
    if (from.nb_chapters == 0) return;
    format_->chapters = static_cast<AVChapter**>(av_calloc(from.nb_chapters, sizeof(AVChapter*)));
    if (format_->chapters == nullptr) throw std::bad_alloc();
    for (unsigned i = 0; i < from.nb_chapters; ++i) {
      const AVChapter& chapter = *from.chapters[i];
      const int64_t origin = av_rescale_q(request_.origin, request_.time_base, chapter.time_base);
      const int64_t begin = std::max(chapter.start, others_->limit(request_.begin, chapter.time_base)),
                    end = std::min(chapter.end, others_->limit(request_.end, chapter.time_base));
      if (begin >= end) continue;
      auto* const copy = static_cast<AVChapter*>(av_mallocz(sizeof(AVChapter)));
      if (copy == nullptr) throw std::bad_alloc();
      format_->chapters[format_->nb_chapters++] = copy;
      copy->id = chapter.id;
      copy->time_base = chapter.time_base;
      copy->start = begin - origin;
      copy->end = end - origin;
      check(av_dict_copy(&copy->metadata, chapter.metadata, 0), request_.output, "cannot be written");
    }
  }

  std::optional<OtherPacket> next_other() { return others_ ? others_->next(container_) : std::nullopt; }

  void write(PacketPtr packet, AVRational from) {
    const AVStream& stream = *format_->streams[packet->stream_index];
    av_packet_rescale_ts(packet.get(), from, stream.time_base);
    packet->pos = -1;
    // Times that do not grow, which a demuxer may give: the next tick, then.
    int64_t& last = last_times_[static_cast<size_t>(packet->stream_index)];
    const int64_t least = last + ((container_.flags & AVFMT_TS_NONSTRICT) != 0 ? 0 : 1);
    if (last != no_time && packet->dts < least) {
      packet->dts = least;
      if (packet->pts != no_time) packet->pts = std::max(packet->pts, packet->dts);
    }
    last = packet->dts;
    const bool copied = packet->stream_index != video_->index;
    const int status = av_interleaved_write_frame(format_.get(), packet.get());
    // A damaged packet of sound, for example, that cannot be brought to the container's form.
    if (status == AVERROR_INVALIDDATA && copied)
      ++unwritable_;
    else
      check(status, request_.output, "cannot be written");
  }

  const MuxRequest& request_;
  const AVOutputFormat& container_;
  FormatPtr format_;
  std::optional<OtherStreams> others_;
  std::vector<std::string> remarks_;
  AVStream* video_ = nullptr;
  std::vector<int64_t> last_times_;
  int64_t unwritable_ = 0;
};

}  // namespace

nlohmann::json to_json(const MuxRequest& request) {
  return {{"output", request.output},
          {"others", request.others.path},
          {"video_stream", request.others.video},
          {"skip_unsupported", request.skip_unsupported},
          {"keep_rotation", request.keep_rotation},
          {"audio_encoder", request.audio_encoder},
          {"options", request.options},
          {"probe", request.probe},
          {"plays", request.plays},
          {"time_base", to_json(request.time_base)},
          {"passed_over", request.passed_over},
          {"origin", request.origin},
          {"begin", request.begin},
          {"end", request.end},
          {"last_duration", request.last_duration}};
}

MuxRequest mux_request_from_json(const nlohmann::json& json) {
  MuxRequest request;
  request.output = json.at("output");
  request.others = {json.at("others"), json.at("video_stream")};
  request.skip_unsupported = json.at("skip_unsupported");
  request.keep_rotation = json.at("keep_rotation");
  request.audio_encoder = json.at("audio_encoder");
  request.options = json.at("options").get<std::vector<std::pair<std::string, std::string>>>();
  request.probe = json.at("probe");
  request.plays = json.at("plays");
  request.time_base = rational_from_json(json.at("time_base"));
  request.passed_over = json.at("passed_over");
  request.origin = json.at("origin");
  request.begin = json.at("begin");
  request.end = json.at("end");
  request.last_duration = json.at("last_duration");
  return request;
}

std::vector<std::string> check_container(const MuxRequest& request, const StreamDescription& video) {
  const AVOutputFormat& container = container_of(request.output);
  const AVCodecID codec = video.parameters->codec_id;
  if (avformat_query_codec(&container, codec, FF_COMPLIANCE_EXPERIMENTAL) == 0 ||
      (is_raw(container) && container.video_codec != codec))
    throw Error(ErrorKind::unsupported, request.output, "cannot hold the video",
                "an encoder whose codec the container takes, or .mkv",
                video.encoder + " (" + avcodec_get_name(codec) + ")");
  return Muxer(request, video, "/dev/null").remarks();  // whose header shows what is refused
}

SegmentCounts mux(const MuxRequest& request, const std::vector<std::string>& segments,
                  const std::stop_token& stop) {
  capture_messages();
  VideoPackets packets(request, segments);
  AtomicFile file(request.output);
  {
    Muxer muxer(request, packets.stream(), file.temporary().string());
    muxer.run(packets, stop);
  }
  file.commit();
  return packets.counts();
}

}  // namespace esrgan::video
