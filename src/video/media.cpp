#include "video/media.h"

#include <esrgan/error.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <new>

#include "video/containers.h"

namespace esrgan::video {
namespace {

AVStream* choose_video(const AVFormatContext& format, const FilmFile& file) {
  AVStream* chosen = nullptr;
  int number = 0;
  for (unsigned i = 0; i < format.nb_streams; ++i) {
    AVStream* const stream = format.streams[i];
    if (stream->codecpar->codec_type != AVMEDIA_TYPE_VIDEO || is_cover(*stream)) continue;
    if (file.video >= 0 ? number == file.video
                        : chosen == nullptr || ((stream->disposition & AV_DISPOSITION_DEFAULT) != 0 &&
                                                (chosen->disposition & AV_DISPOSITION_DEFAULT) == 0))
      chosen = stream;
    ++number;
  }
  if (number == 0) throw Error(ErrorKind::bad_data, file.path, "holds no video");
  if (chosen == nullptr)
    throw Error(ErrorKind::invalid_argument, file.path, "--video-stream",
                "a number from 0 to " + std::to_string(number - 1), std::to_string(file.video));
  return chosen;
}

/// The number that `count` bytes of a file make, the most significant first or last.
uint64_t number_at(const FilmBytes& bytes, uint64_t offset, size_t count, bool last_first = false) {
  std::array<uint8_t, 8> read{};
  uint64_t value = 0;
  if (bytes.read_at(offset, std::span(read).first(count)) < count) return 0;
  for (size_t i = 0; i < count; ++i) value = value << 8U | read[last_first ? count - 1 - i : i];
  return value;
}

/// Matroska's variable-length numbers (RFC 8794, section 4): a marker bit after as many zeros as bytes
/// follow.
uint64_t ebml_size(const FilmBytes& bytes, uint64_t& offset) {
  const auto first = static_cast<uint8_t>(number_at(bytes, offset, 1));
  if (first == 0) return 0;
  const auto length = static_cast<size_t>(__builtin_clz(first)) - 23;
  const uint64_t bits = number_at(bytes, offset, length) & ((uint64_t{1} << 7 * length) - 1);
  offset += length;
  return bits == (uint64_t{1} << 7 * length) - 1 ? 0 : bits;  // all ones: not known
}

/// Where a file ends by what its container says at its beginning or in its index; 0 when that is not told.
uint64_t promised_size(const Media& media) {
  const std::string name = media.format->iformat->name;
  const FilmBytes& bytes = *media.bytes;
  if (name.starts_with("matroska") && number_at(bytes, 0, 4) == 0x1A45DFA3) {
    uint64_t offset = 4;
    const uint64_t header = ebml_size(bytes, offset);
    offset += header;
    if (number_at(bytes, offset, 4) != 0x18538067) return 0;
    offset += 4;
    const uint64_t segment = ebml_size(bytes, offset);
    return segment > 0 ? offset + segment : 0;
  }
  if (name == "avi" && number_at(bytes, 0, 4) == 0x52494646) {
    const uint64_t size = number_at(bytes, 4, 4, true);
    return size > 0 && size < UINT32_MAX - 8 ? size + 8 : 0;
  }
  if (name.starts_with("mov")) {
    uint64_t end = 0;
    for (unsigned i = 0; i < media.format->nb_streams; ++i) {
      AVStream* const stream = media.format->streams[i];
      const int count = avformat_index_get_entries_count(stream);
      for (int entry = 0; entry < count; ++entry) {
        const AVIndexEntry* const found = avformat_index_get_entry(stream, entry);
        end = std::max(end, static_cast<uint64_t>(found->pos) + static_cast<uint64_t>(found->size));
      }
    }
    return end;
  }
  return 0;
}

}  // namespace

int64_t Media::origin() const {
  if (format->start_time == no_time) return 0;
  return av_rescale_q(format->start_time, rational(1, AV_TIME_BASE), video->time_base);
}

AVRational Media::frame_rate() const {
  const AVRational guess = av_guess_frame_rate(format.get(), video, nullptr);
  return guess.num > 0 && guess.den > 0 ? guess : rational(25, 1);
}

bool Media::read(AVPacket& packet) const {
  constexpr int patience = 1000;  // errors on end, after which the rest is taken for lost
  for (int failures = 0; failures <= patience; ++failures) {
    const int status = av_read_frame(format.get(), &packet);
    try {
      bytes->check();
    } catch (...) {
      av_packet_unref(&packet);
      throw;
    }
    if (status >= 0) return true;
    if (status == AVERROR(ENOMEM)) throw std::bad_alloc();
    if (status == AVERROR_EOF) return false;
  }
  return false;
}

bool Media::seek(int64_t time) const {
  // By time only where containers have an index of it; elsewhere FFmpeg would search by guesses.
  if (bytes->is_pipe() || (format->iformat->flags & AVFMT_TS_DISCONT) != 0) return false;
  const std::string name = format->iformat->name;
  if (!name.starts_with("mov") && !name.starts_with("matroska")) return false;
  const bool found = avformat_seek_file(format.get(), video->index, INT64_MIN, time, time, 0) >= 0;
  bytes->check();
  return found;
}

Media open_media(const FilmFile& file, std::stop_token stop, int64_t probe) {
  capture_messages();
  last_message();
  Media media;
  media.file = file;
  media.bytes = std::make_unique<FilmBytes>(file.path, std::move(stop));
  AVFormatContext* opened = avformat_alloc_context();
  if (opened == nullptr) throw std::bad_alloc();
  opened->pb = media.bytes->context();
  // "file:" so that a name with a colon is not taken for another protocol.
  const int status = avformat_open_input(&opened, ("file:" + file.path).c_str(), nullptr, nullptr);
  media.format.reset(status >= 0 ? opened : nullptr);
  media.bytes->check();
  check(status, file.path, "cannot be opened as a film");
  // Times that are missing are taken from those around. AVI has none but the order of its packets.
  if (std::string(opened->iformat->name) != "avi") opened->flags |= AVFMT_FLAG_GENPTS;
  if (probe > 0) {
    opened->probesize = probe;
    opened->max_analyze_duration = INT64_MAX / 4;
  }
  const int found = avformat_find_stream_info(opened, nullptr);
  media.bytes->check();
  check(found, file.path, "cannot be read as a film");
  media.video = choose_video(*opened, file);
  if (media.video->codecpar->width <= 0 || media.video->codecpar->height <= 0)
    throw Error(ErrorKind::bad_data, file.path,
                "the size of its video cannot be told; the file may be damaged or incomplete");
  return media;
}

std::string missing_end(const Media& media) {
  if (media.bytes->is_pipe()) return {};
  const uint64_t there = media.bytes->size(), promised = promised_size(media);
  if (promised <= there) return {};
  return std::to_string(promised - there) + " of its " + std::to_string(promised) +
         " bytes are missing at the end: it was cut off, or is not complete yet";
}

PacketReader::PacketReader(const FilmFile& file, double begin)
    : media_(open_media(file)), clock_(*media_.format), begin_(begin) {
  this->begin();
}

PacketReader::PacketReader(Media media) : media_(std::move(media)), clock_(*media_.format) {}

void PacketReader::begin() {
  // The clock of a broadcast goes by all streams.
  if (!clock_.is_active())
    for (unsigned i = 0; i < media_.format->nb_streams; ++i)
      if (media_.format->streams[i] != media_.video) media_.format->streams[i]->discard = AVDISCARD_ALL;
  if (begin_ > 0) media_.seek(media_.origin() + std::llround(begin_ / av_q2d(media_.video->time_base)));
}

void PacketReader::note_position(const AVPacket& packet) {
  const auto stream = static_cast<size_t>(packet.stream_index);
  if (first_positions_.size() <= stream) first_positions_.resize(stream + 1, -1);
  if (first_positions_[stream] < 0) first_positions_[stream] = packet.pos;
}

PacketPtr PacketReader::next() {
  PacketPtr packet = make_packet();
  while (!ended_) {
    if (!media_.read(*packet)) {
      ended_ = true;
      break;
    }
    note_position(*packet);
    clock_.correct(*packet, *media_.format->streams[packet->stream_index]);
    if (packet->stream_index == media_.video->index) return packet;
    av_packet_unref(packet.get());
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

PacketPlace PacketReader::place_of(const AVPacket& packet, int64_t number) {
  return {number, packet.pos, packet.pts, packet.dts, packet.size};
}

void PacketReader::skip_to(const PacketPlace& place) {
  constexpr int64_t far = 300;       // packets; nearer ones are as soon read
  constexpr int patience = 100'000;  // packets behind the place where a container's index led
  const int64_t next_number = first_ + static_cast<int64_t>(kept_.size());
  if (place.number < next_number + far || place.position < 0 || clock_.is_active()) return;
  if (!media_.seek(place.dts != no_time ? place.dts : place.pts)) return;
  for (int i = 0; i < patience; ++i) {
    PacketPtr packet = next();
    if (packet == nullptr) break;
    if (packet->pos != place.position || packet->size != place.size || packet->pts != place.pts) continue;
    kept_.clear();
    kept_.push_back(std::move(packet));
    first_ = forget_ = place.number;
    return;
  }
  // Not found: from the beginning, then.
  media_.format.reset();
  media_ = open_media(media_.file);
  clock_ = FilmClock(*media_.format);
  kept_.clear();
  first_ = 0;
  ended_ = false;
  begin();
}

}  // namespace esrgan::video
