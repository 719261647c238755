// The clock of a broadcast stream, where recordings were joined or paused.
#pragma once

#include <cstdint>
#include <vector>

#include "video/ffmpeg.h"

namespace esrgan::video {

/// Makes time go on where the clock jumps. A stream that has a gap while another goes on (a still with music,
/// a slide show) keeps it. It depends on the packets alone, so that all who read the film come to the same
/// times.
class FilmClock {
 public:
  explicit FilmClock(const AVFormatContext& format);

  /// Whether the container's clock may jump; if not, there is nothing to correct.
  bool is_active() const { return active_; }
  /// Packets of all streams, in the order of the file.
  void correct(AVPacket& packet, const AVStream& stream);

 private:
  bool fits(int64_t time, size_t stream) const;
  int64_t offset_for(int64_t time, int64_t duration, size_t stream);

  bool active_;
  int streams_ = 0;  // of pictures and sound
  // In units of clock_base:
  int64_t offset_ = 0, before_ = 0;  // now, and before the last jump
  std::vector<int64_t> last_;        // corrected time of each stream's last packet, no_time before the first
};

}  // namespace esrgan::video
