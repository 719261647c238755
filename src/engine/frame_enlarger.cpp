#include "engine/frame_enlarger.h"

#include <algorithm>
#include <cstring>

#include "engine/strip_upscaler.h"

namespace esrgan {
namespace {

ImageInfo info_of(int width, int height, int channels) {
  ImageInfo info;
  info.width = width;
  info.height = height;
  info.channels = channels;
  info.type = SampleType::f32;
  return info;
}

class PixelSource : public RowSource {
 public:
  PixelSource(const Pixels& pixels, const ImageInfo& info) : pixels_(pixels), info_(info) {}
  const ImageInfo& info() const override { return info_; }
  void read(int begin, int end, float* out) override {
    const size_t row = info_.row_samples();
    std::copy_n(pixels_.data() + static_cast<size_t>(begin) * row, static_cast<size_t>(end - begin) * row,
                out);
  }
  bool random_access() const override { return true; }
  size_t memory() const override { return 0; }

 private:
  const Pixels& pixels_;
  ImageInfo info_;
};

class PixelSink : public RowSink {
 public:
  PixelSink(Pixels& pixels, const ImageInfo& info) : pixels_(pixels), row_(info.row_samples()) {
    pixels_.resize(row_ * static_cast<size_t>(info.height));
  }
  void write(const float* rows, int count) override {
    std::copy_n(rows, static_cast<size_t>(count) * row_, pixels_.data() + written_);
    written_ += static_cast<size_t>(count) * row_;
  }
  void write_all(Pixels& picture, int) override { pixels_.swap(picture); }
  void finish() override {}

 private:
  Pixels& pixels_;
  size_t row_, written_ = 0;
};

}  // namespace

FrameEnlarger::FrameEnlarger(Enlarger& enlarger, int width, int height, int channels, SampleType stored,
                             uint64_t held)
    : enlarger_(enlarger),
      width_(width),
      height_(height),
      channels_(channels),
      runner_([&] {
        enlarger.prepare(stored);
        return enlarger.make_runner();
      }()),
      plan_(enlarger.plan(info_of(width, height, channels), runner_, held)) {}

void FrameEnlarger::run(const Pixels& in, Pixels& out, const std::atomic<bool>* stop) {
  const ImageInfo info = info_of(width_, height_, channels_);
  PixelSource source(in, info);
  PixelSink sink(out, info_of(out_width(), out_height(), channels_));
  RunControl control;
  control.stop = stop;
  upscale_strips(source, sink, runner_, plan_, enlarger_.scale(), false, control);
}

}  // namespace esrgan
