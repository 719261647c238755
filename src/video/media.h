// A film that is read: its video stream, and the packets of that one after the other.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "video/ffmpeg.h"

namespace esrgan::video {

struct Media {
  std::string path;
  FormatPtr format;
  AVStream* video = nullptr;  ///< owned by format

  /// Time of the film's beginning, in units of the video's time base.
  int64_t origin() const;
  AVRational frame_rate() const;
};

/// Opens a file and chooses its video stream (no cover picture). Throws Error when there is none.
Media open_media(const std::string& path);

/// Makes time go on where the clock of a broadcast stream jumps, as in recordings that were joined. It goes
/// by the video's packets alone, so that all who read the file come to the same times.
class SteadyClock {
 public:
  explicit SteadyClock(const Media& media);
  /// Packets of all streams that are read, in the order of the file.
  void correct(AVPacket& packet, const AVStream& stream);

 private:
  const AVStream* video_;                // null for containers whose times mean what they say
  int64_t offset_ = 0, last_ = no_time;  // in the video's time base
};

/// The video stream's packets in the order of the file; each has a number, from 0.
class PacketReader {
 public:
  explicit PacketReader(const std::string& path);

  Media& media() { return media_; }

  /// Packet `number`; null behind the last one. Packets before `forget_before` will not be asked for again:
  /// the others that were read are kept.
  const AVPacket* read(int64_t number);
  void forget_before(int64_t number);

 private:
  PacketPtr next();

  Media media_;
  SteadyClock clock_;
  std::deque<PacketPtr> kept_;
  int64_t first_ = 0, forget_ = 0;  // number of the first one kept, and of the first one to be kept
  bool ended_ = false;
};

}  // namespace esrgan::video
