#include "video/media.h"

#include <esrgan/error.h>

#include <algorithm>
#include <filesystem>

namespace esrgan::video {

int64_t Media::origin() const {
  if (format->start_time == no_time) return 0;
  return av_rescale_q(format->start_time, rational(1, AV_TIME_BASE), video->time_base);
}

AVRational Media::frame_rate() const {
  const AVRational guess = av_guess_frame_rate(format.get(), video, nullptr);
  return guess.num > 0 && guess.den > 0 ? guess : rational(25, 1);
}

Media open_media(const std::string& path) {
  capture_messages();
  if (!std::filesystem::exists(path)) throw Error(ErrorKind::not_found, path, "there is no such file");
  AVFormatContext* opened = nullptr;
  DictionaryPtr options;
  AVDictionary* given = nullptr;
  av_dict_set(&given, "fflags", "+genpts", 0);
  // "file:" so that a name with a colon is not taken for another protocol.
  const int status = avformat_open_input(&opened, ("file:" + path).c_str(), nullptr, &given);
  options.reset(given);
  Media media{path, FormatPtr(status >= 0 ? opened : nullptr), nullptr};
  check(status, path, "cannot be opened as a film");
  check(avformat_find_stream_info(opened, nullptr), path, "cannot be read as a film");
  for (unsigned i = 0; i < opened->nb_streams; ++i) {
    AVStream* const stream = opened->streams[i];
    if (stream->codecpar->codec_type != AVMEDIA_TYPE_VIDEO ||
        (stream->disposition & AV_DISPOSITION_ATTACHED_PIC) != 0)
      continue;
    if (media.video == nullptr || ((stream->disposition & AV_DISPOSITION_DEFAULT) != 0 &&
                                   (media.video->disposition & AV_DISPOSITION_DEFAULT) == 0))
      media.video = stream;
  }
  if (media.video == nullptr) throw Error(ErrorKind::bad_data, path, "holds no video");
  if (media.video->codecpar->width <= 0 || media.video->codecpar->height <= 0)
    throw Error(ErrorKind::bad_data, path,
                "the size of its video cannot be told; the file may be damaged or incomplete");
  return media;
}

SteadyClock::SteadyClock(const Media& media)
    : video_((media.format->iformat->flags & AVFMT_TS_DISCONT) != 0 ? media.video : nullptr) {}

void SteadyClock::correct(AVPacket& packet, const AVStream& stream) {
  if (video_ == nullptr) return;
  const int64_t time = packet.dts != no_time ? packet.dts : packet.pts;
  if (&stream == video_ && time != no_time) {
    const int64_t step = last_ != no_time ? time + offset_ - last_ : 0;
    if (seconds(step, stream.time_base) < -1 || seconds(step, stream.time_base) > 10)
      offset_ = last_ + std::max<int64_t>(1, packet.duration) - time;
    last_ = time + offset_;
  }
  const int64_t offset = av_rescale_q(offset_, video_->time_base, stream.time_base);
  if (packet.pts != no_time) packet.pts += offset;
  if (packet.dts != no_time) packet.dts += offset;
}

PacketReader::PacketReader(const std::string& path) : media_(open_media(path)), clock_(media_) {
  for (unsigned i = 0; i < media_.format->nb_streams; ++i)
    if (media_.format->streams[i] != media_.video) media_.format->streams[i]->discard = AVDISCARD_ALL;
}

PacketPtr PacketReader::next() {
  constexpr int patience = 1000;  // errors on end, after which the rest is taken for lost
  PacketPtr packet = make_packet();
  int failures = 0;
  while (!ended_) {
    const int status = av_read_frame(media_.format.get(), packet.get());
    if (status == AVERROR_EOF || failures > patience) {
      ended_ = true;
    } else if (status < 0) {
      ++failures;
      if (media_.format->pb != nullptr && media_.format->pb->error < 0 && avio_feof(media_.format->pb) != 0)
        ended_ = true;
    } else if (packet->stream_index == media_.video->index) {
      clock_.correct(*packet, *media_.video);
      return packet;
    } else {
      av_packet_unref(packet.get());
    }
  }
  return nullptr;
}

const AVPacket* PacketReader::read(int64_t number) {
  while (first_ + static_cast<int64_t>(kept_.size()) <= number) {
    PacketPtr packet = next();
    if (packet == nullptr) return nullptr;
    kept_.push_back(std::move(packet));
    forget_before(forget_);
  }
  return kept_[static_cast<size_t>(number - first_)].get();
}

void PacketReader::forget_before(int64_t number) {
  forget_ = std::max(forget_, number);
  while (!kept_.empty() && first_ < forget_) {
    kept_.pop_front();
    ++first_;
  }
}

}  // namespace esrgan::video
