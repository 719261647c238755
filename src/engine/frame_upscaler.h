// Enlarges one picture after another, all of one size, in memory that is used again.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "engine/changed_regions.h"
#include "engine/picture_upscaler.h"
#include "engine/strip_upscaler.h"

namespace esrgan {

/// Rows from top to bottom, channels interleaved, floats usually in [0, 1].
using Pixels = std::vector<float>;

class FrameUpscaler {
 public:
  /// Pictures of width x height with 1 to 4 channels (as in ImageInfo), whose samples were stored as
  /// `stored`. `held`: bytes that the caller keeps beside this. `upscaler` must outlive this, and is used by
  /// no other. `reuse`: regions that a change cannot touch are taken from the picture before, if that is less
  /// work; the result is the same bit for bit.
  FrameUpscaler(PictureUpscaler& upscaler, int width, int height, int channels, SampleType stored,
                uint64_t held, bool reuse = false);

  /// Whether regions can be taken from the picture before: where the network does not see too far and the
  /// picture is computed as a whole.
  bool can_reuse() const { return reach_.has_value(); }

  int out_width() const { return width_ * upscaler_.scale(); }
  int out_channels() const { return runner_.out_channels({channels_}); }
  int out_height() const { return height_ * upscaler_.scale(); }

  /// `out` is resized; what memory it has is used again.
  void run(const Pixels& in, Pixels& out, const std::stop_token& stop);
  /// Says that run() will be given this picture, which stays as it is until then: see Executor::announce().
  void announce(const Pixels& in) {
    if (one_tile_ && !reach_) runner_.announce(in, width_, height_, {channels_});
  }
  /// Whether the device makes frames of these formats itself, without pixels between.
  bool takes(const FrameFormats& formats) const;
  /// Of a frame to a frame; false when run() is for it, see Executor::run_frame().
  bool run_frame(const FramePlanes& in, const FramePlanes& out,
                 const std::shared_ptr<const FrameFormats>& formats, const std::stop_token& stop);
  void announce_frame(const FramePlanes& in, const std::shared_ptr<const FrameFormats>& formats);
  /// Whether run() exchanges `out` for memory of its own: then it needs none until it is done, and lend()
  /// gives it some for the next picture.
  bool exchanges() const { return one_tile_ && !reach_; }
  void lend(Pixels memory) { runner_.lend(std::move(memory)); }
  /// Share of the last picture's area that was taken from the one before.
  double reused() const { return reused_; }

 private:
  void run_whole(const Pixels& in, Pixels& out, const RunControl& control);
  bool run_changes(const Pixels& in, const RunControl& control);
  void run_part(const Pixels& in, const Rectangle& changed, const RunControl& control);

  PictureUpscaler& upscaler_;
  int width_, height_, channels_;
  TileRunner runner_;
  TilePlan plan_;
  StripMemory memory_;
  bool one_tile_ = false;     // the picture as it is
  std::optional<int> reach_;  // when regions can be taken from the picture before
  Pixels last_in_, last_out_, part_;
  double reused_ = 0;
};

}  // namespace esrgan
