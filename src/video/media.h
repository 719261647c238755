// A film that is read: its video stream, and the packets of that one after the other.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "video/ffmpeg.h"
#include "video/film_bytes.h"
#include "video/film_clock.h"

namespace esrgan::video {

/// A film, and which of its video streams is meant.
struct FilmFile {
  std::string path;
  int video = -1;  ///< number among its video streams without covers, from 0; -1: the one that players take
};

struct Media {
  FilmFile file;
  std::unique_ptr<FilmBytes> bytes;
  FormatPtr format;           // goes before its bytes
  AVStream* video = nullptr;  ///< owned by format

  const std::string& path() const { return file.path; }
  /// Time of the film's beginning, in units of the video's time base.
  int64_t origin() const;
  AVRational frame_rate() const;

  /// The next packet that can be read, of any stream that is not discarded; false at the end. Throws Error
  /// when the system cannot read.
  bool read(AVPacket& packet) const;
  /// Goes to a key packet of the video at `time` or before, in units of its time base. False where the
  /// container cannot.
  bool seek(int64_t time) const;
};

/// Opens a file and chooses its video stream (no cover picture). Throws Error when there is none. `stop`: for
/// pipes, whose bytes may be long in coming. probe: bytes that are looked through for streams, held in memory
/// meanwhile; 0 takes FFmpeg's 5 MB.
Media open_media(const FilmFile& file, std::stop_token stop = {}, int64_t probe = 0);

/// What is missing at the end of a file that was cut, in words, as far as its container tells; empty if
/// nothing.
std::string missing_end(const Media& media);

/// Where a packet lies, to be found again.
struct PacketPlace {
  int64_t number = 0, position = -1, pts = no_time, dts = no_time;
  int size = 0;
};

/// The video stream's packets in the order of the file; each has a number, from 0.
class PacketReader {
 public:
  /// begin: a time of the film, in seconds, before which nothing will be asked for: the packet with number 0
  /// is a key packet before it, where the container can find that without reading what lies before.
  explicit PacketReader(const FilmFile& file, double begin = 0);
  explicit PacketReader(Media media);

  Media& media() { return media_; }

  /// Packet `number`; null behind the last one. Packets before `forget_before` will not be asked for again:
  /// the others that were read are kept.
  const AVPacket* read(int64_t number);
  void forget_before(int64_t number);
  /// Makes reading go on at a packet far ahead without reading what lies between, where that can be. The
  /// packets before it are then forgotten.
  void skip_to(const PacketPlace& place);
  /// Where each stream's first packet lies, of those that have been read; -1 of the others.
  const std::vector<int64_t>& first_positions() const { return first_positions_; }
  static PacketPlace place_of(const AVPacket& packet, int64_t number);

 private:
  void begin();
  PacketPtr next();
  void note_position(const AVPacket& packet);

  Media media_;
  FilmClock clock_;
  double begin_ = 0;
  std::deque<PacketPtr> kept_;
  std::vector<int64_t> first_positions_;
  int64_t first_ = 0, forget_ = 0;  // number of the first one kept, and of the first one to be kept
  bool ended_ = false;
};

}  // namespace esrgan::video
