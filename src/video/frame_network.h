// The network stage of the pipeline: frames of any size, fields, and frames that are only passed on.
#pragma once

#include <esrgan/upscaler.h>

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "video/device_frames.h"
#include "video/frame_pixels.h"
#include "video/pipeline.h"

namespace esrgan::video {

class FrameNetwork {
 public:
  /// Without a model file frames are passed on as they are.
  FrameNetwork(const std::string& model_file, const UpscaleOptions& options, bool reuse);

  /// Frames to each side of one that the network sees.
  int radius() const { return upscaler_ ? upscaler_->frames() / 2 : 0; }
  int scale() const { return upscaler_ ? upscaler_->scale() : 1; }
  /// Work for a frame of this size, in multiply-accumulates.
  double work(int width, int height, SampleType stored);

  /// Frames of `kind` that are to become frames of `shape`, in memory of `buffers`, are left to the device,
  /// if it converts them; see converts(). Before other threads ask for that.
  void convert_on_device(const FrameKind& kind, const FrameShape& shape,
                         std::shared_ptr<FrameBuffers> buffers);
  /// Whether it takes this frame without pixels. From any thread.
  bool converts(const AVFrame& frame) const {
    return formats_ && !gives_up_ && are_alike(kind_of(frame), kind_);
  }

  /// Replaces the parts (or windows) of an item by enlarged ones, or makes its enlarged frame. `next`: what
  /// will be enlarged then, if it is there already.
  void upscale(FrameItem& item, const FrameItem* next, PixelsPool& pool, const std::stop_token& stop);
  /// Share of the area of all frames so far that was taken from the frame before.
  double reused() const { return parts_ > 0 ? reused_ / static_cast<double>(parts_) : 0; }

 private:
  struct Size {
    int width, height, channels;
    SampleType stored;  // which decides about the precision
    bool operator==(const Size&) const = default;
  };

  /// The frame upscaler of a field; made anew where the size is another.
  FrameUpscaler& frames_for(size_t field, const Size& size);
  static Size size_of(const FrameKind& kind);
  void announce(const FrameItem& next);
  bool enlarge_on_device(FrameItem& item, const std::stop_token& stop);
  Pixels enlarge(Pixels& part, size_t field, const Size& size, PixelsPool& pool, const std::stop_token& stop);
  Pixels enlarge_window(const std::vector<SharedPixels>& window, size_t field, const Size& size,
                        PixelsPool& pool, const std::stop_token& stop);

  UpscaleOptions options_;
  std::unique_ptr<PictureUpscaler> upscaler_;
  std::optional<FrameUpscaler> frames_[2];  // the second for bottom fields
  Size sizes_[2]{};
  std::shared_ptr<const FrameFormats> formats_;  // of what the device converts
  FrameKind kind_;
  FrameShape shape_;
  std::shared_ptr<FrameBuffers> buffers_;
  int refused_ = 0;  // frames
  std::atomic<bool> gives_up_ = false;
  std::optional<FrameReader> reader_;  // of what it failed to convert
  bool reuse_;
  double reused_ = 0;
  int64_t parts_ = 0;
};

}  // namespace esrgan::video
