// What is made of frames: a film, or a folder of pictures.
#pragma once

#include <esrgan/video.h>

#include <chrono>
#include <string>
#include <utility>

#include "video/frame_network.h"
#include "video/source.h"

namespace esrgan::video {

/// Counts frames and tells of the progress.
class ProgressKeeper {
 public:
  explicit ProgressKeeper(const VideoEvents& events) : events_(events) {}
  /// Before the first frame: frames that are to be done, those that are already, and their bytes.
  void begin(int64_t total, int64_t resumed, uint64_t bytes);
  void frame_done();
  void add_bytes(uint64_t bytes) { progress_.bytes += bytes; }

 private:
  const VideoEvents& events_;
  VideoProgress progress_;
  int64_t resumed_ = 0;
  std::chrono::steady_clock::time_point start_;
};

/// Width and height of the frames that are made: what the options ask for, in whole multiples (across, down).
std::pair<int, int> output_size(const SourceFacts& facts, const UpscaleOptions& options,
                                const FrameNetwork& network, std::pair<int, int> multiples);

/// Marks a report as incomplete, and says so, when something of the film's end was missing.
void tell_of_missing_end(const std::string& missing, VideoReport& report);

/// Whether a segment belongs to a share.
bool is_mine(size_t segment, size_t segments, const Share& share);

/// The film `output`, or this share's segments of it. `identity` tells all that the network's frames depend
/// on.
VideoReport make_film(const FrameSource& source, FrameNetwork& network, const std::string& output,
                      const nlohmann::json& identity, const VideoOptions& options, const VideoEvents& events);

/// Pictures in the folder `output`; those that are there are left alone.
VideoReport make_pictures(const FrameSource& source, FrameNetwork& network, const std::string& output,
                          const VideoOptions& options, const VideoEvents& events);

/// YUV4MPEG2 in a file, or in a pipe.
VideoReport make_stream(const FrameSource& source, FrameNetwork& network, const std::string& output,
                        const VideoOptions& options, const VideoEvents& events);

/// The film of the segments that lie in the output's work folder.
VideoReport join_film(const std::string& output, const std::string& others_from, const VideoEvents& events);

}  // namespace esrgan::video
