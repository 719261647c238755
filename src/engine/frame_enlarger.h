// Enlarges one picture after another, all of one size, in memory that is used again.
#pragma once

#include <optional>
#include <vector>

#include "engine/enlarger.h"

namespace esrgan {

/// Rows from top to bottom, channels interleaved, floats usually in [0, 1].
using Pixels = std::vector<float>;

class FrameEnlarger {
 public:
  /// Pictures of width x height with 1 to 4 channels (as in ImageInfo), whose samples were stored as
  /// `stored`. `held`: bytes that the caller keeps beside this. `enlarger` must outlive this, and is used by
  /// no other.
  FrameEnlarger(Enlarger& enlarger, int width, int height, int channels, SampleType stored, uint64_t held);

  int out_width() const { return width_ * enlarger_.scale(); }
  int out_height() const { return height_ * enlarger_.scale(); }

  /// `out` is resized; what memory it has is used again.
  void run(const Pixels& in, Pixels& out, const std::atomic<bool>* stop);

 private:
  Enlarger& enlarger_;
  int width_, height_, channels_;
  TileRunner runner_;
  TilePlan plan_;
};

}  // namespace esrgan
