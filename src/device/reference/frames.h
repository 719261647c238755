// What device/frame_format.h says, sample by sample in double precision.
#pragma once

#include <vector>

#include "device/frame_format.h"

namespace esrgan {

int sample_of(const FrameFormat& format, const FramePlanes& frame, size_t plane, int x, int y);
void set_sample(const FrameFormat& format, const FramePlanes& frame, size_t plane, int x, int y, int value);

/// A network's numbers of a frame, [height][width][3].
std::vector<float> read_frame(const FrameFormat& format, const FramePlanes& frame);
/// The reverse.
void write_frame(const FrameFormat& format, const std::vector<float>& pixels, const FramePlanes& frame);

/// Of two frames of a format, the largest distance of two samples.
int largest_distance(const FrameFormat& format, const FramePlanes& a, const FramePlanes& b);

/// A frame with memory of its own, zeros; rows are farther apart than they must be.
class OwnFrame {
 public:
  explicit OwnFrame(const FrameFormat& format);
  const FramePlanes& planes() const { return planes_; }

 private:
  std::array<std::vector<std::byte>, 3> memory_;
  FramePlanes planes_;
};

}  // namespace esrgan
