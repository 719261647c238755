// How a film is cut: what is decoded at once, and what is encoded by itself.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "video/media.h"

namespace esrgan::video {

/// A run of packets that a fresh decoder takes. It begins a key frame early, and the frames before the
/// chunk's own are dropped: so a chunk's frames are the same whether the chunk before was decoded or not.
struct Chunk {
  int64_t first_packet = 0, end_packet = 0;
  int64_t begin = 0, end = 0;  ///< times of its own frames
  PacketPlace place = {};      ///< of its first packet

  bool owns(int64_t time) const { return time >= begin && time < end; }
};

/// A run of frames that a fresh encoder takes: those whose time is in [begin, end).
struct Segment {
  int64_t begin = 0, end = 0;
  int64_t frames = 0;  ///< expected
  size_t chunk = 0;
};

/// What reading the whole film has found beside its frames' times.
struct FilmFindings {
  int64_t whole = 0, top_first = 0,
          bottom_first = 0;  ///< frames, as far as their headers tell how they were taken
  std::string missing;       ///< of the film's end, in words
  /// Streams that turned up behind what was read to open the film: their numbers, and where in the file they
  /// begin.
  std::vector<std::pair<int, int64_t>> late;

  int64_t interlaced() const { return top_first + bottom_first; }
};

struct Plan {
  AVRational time_base{0, 1};  ///< of all times here
  /// The frames' times in order, where packets have none that could be relied on: AVI and raw streams.
  std::vector<int64_t> counted;
  std::vector<Chunk> chunks;
  std::vector<Segment> segments;  ///< in order
  int64_t frames = 0;             ///< expected, of all segments
  double begin = 0;               ///< seconds of the film that PacketReader passes over
  int64_t origin = 0;             ///< the time that becomes 0
  int64_t last_duration = 0;      ///< of the last frame
  FilmFindings findings;

  /// The segments of a chunk: [first, second).
  std::pair<size_t, size_t> segments_of(size_t chunk) const;
};

struct PlanRequest {
  double start = 0, duration = 0;  ///< seconds from the film's beginning; duration 0: to its end
  int segment_frames = 240;        ///< at most
  bool keep_start = false;         ///< times stay as they are in the file
  bool one_chunk = false;          ///< filters count frames from the film's beginning on
  std::stop_token stop;            ///< on request, reading ends with Cancelled
};

/// Reads all of the file's packets (decodes nothing). Throws Error when no frame is in the range.
Plan plan_film(const FilmFile& file, const PlanRequest& request);

/// The same for pictures with these times.
Plan plan_pictures(const std::vector<int64_t>& times, AVRational time_base, const PlanRequest& request);

}  // namespace esrgan::video
