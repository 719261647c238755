#include "engine/frame_upscaler.h"

#include <algorithm>
#include <utility>

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
  PixelSource(const Pixels& pixels, ImageInfo info) : pixels_(pixels), info_(std::move(info)) {}
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

FrameUpscaler::FrameUpscaler(PictureUpscaler& upscaler, int width, int height, int channels,
                             SampleType stored, uint64_t held, bool reuse)
    : upscaler_(upscaler),
      width_(width),
      height_(height),
      channels_(channels),
      runner_([&] {
        upscaler.prepare(stored);
        return upscaler.make_runner();
      }()),
      plan_(upscaler.plan(info_of(width, height, channels), runner_, held)) {
  const Executor& network = *upscaler.network_;
  one_tile_ = plan_.x.tiles.size() * plan_.y.tiles.size() == 1 && width % network.input_multiple() == 0 &&
              height % network.input_multiple() == 0;
  if (!reuse || !one_tile_ || upscaler.options_.self_ensemble) return;
  const std::optional<int> reach = network.computational_reach();
  if (reach && 4 * *reach < std::max(width, height)) reach_ = reach;
}

void FrameUpscaler::run_whole(const Pixels& in, Pixels& out, const RunControl& control) {
  if (one_tile_) {
    out.swap(runner_.run(in, width_, height_, {channels_}, control));
    return;
  }
  PixelSource source(in, info_of(width_, height_, channels_));
  PixelSink sink(out, info_of(out_width(), out_height(), out_channels()));
  upscale_strips(source, sink, runner_, plan_, upscaler_.scale(), false, memory_, control);
}

bool FrameUpscaler::takes(const FrameFormats& formats) const {
  return one_tile_ && !reach_ && !upscaler_.options_.self_ensemble && upscaler_.options_.strength == 1 &&
         upscaler_.network_->takes(formats);
}

bool FrameUpscaler::run_frame(const FramePlanes& in, const FramePlanes& out,
                              const std::shared_ptr<const FrameFormats>& formats,
                              const std::stop_token& stop) {
  RunControl control;
  control.stop = stop;
  reused_ = 0;
  return upscaler_.network_->run_frame(in, out, formats, control);
}

void FrameUpscaler::announce_frame(const FramePlanes& in,
                                   const std::shared_ptr<const FrameFormats>& formats) {
  upscaler_.network_->announce_frame(in, formats);
}

void FrameUpscaler::run(const Pixels& in, Pixels& out, const std::stop_token& stop) {
  RunControl control;
  control.stop = stop;
  reused_ = 0;
  if (!reach_) return run_whole(in, out, control);
  const int fallbacks = runner_.fallbacks();
  if (last_in_.size() == in.size() && run_changes(in, control) && runner_.fallbacks() == fallbacks) {
    out = last_out_;
    last_in_ = in;
    return;
  }
  reused_ = 0;
  last_in_.clear();
  const int before = runner_.fallbacks();
  run_whole(in, out, control);
  if (runner_.fallbacks() != before) return;  // what full precision gave is no part of the next picture
  last_out_ = out;
  last_in_ = in;
}

/// Brings the last result to what it is for `in`; false when to compute the whole is less work.
bool FrameUpscaler::run_changes(const Pixels& in, const RunControl& control) {
  const std::vector<Rectangle> changes =
      changed_regions(last_in_, in, width_, height_, channels_, 2 * *reach_);
  double computed = 0;
  for (const Rectangle& changed : changes) computed += changed.grown(2 * *reach_, 1, width_, height_).area();
  const double share = computed / (static_cast<double>(width_) * height_);
  if (share > 0.8) return false;
  last_in_.clear();  // until the result fits an input again: an error or a stop may come between
  for (const Rectangle& changed : changes) run_part(in, changed, control);
  reused_ = 1 - share;
  return true;
}

/// Computes what a change can touch anew, and around it what that can see.
void FrameUpscaler::run_part(const Pixels& in, const Rectangle& changed, const RunControl& control) {
  const int multiple = upscaler_.network_->computational_multiple(), scale = upscaler_.scale();
  const Rectangle touched = changed.grown(*reach_, 1, width_, height_),
                  seen = touched.grown(*reach_, multiple, width_, height_);
  const auto row_of = [&](int width) { return static_cast<size_t>(width) * static_cast<size_t>(channels_); };
  const auto out_row_of = [&](int width) {
    return static_cast<size_t>(width * scale) * static_cast<size_t>(out_channels());
  };
  part_.resize(row_of(seen.width()) * static_cast<size_t>(seen.height()));
  for (int y = seen.top; y < seen.bottom; ++y)
    std::copy_n(in.data() + static_cast<size_t>(y) * row_of(width_) + row_of(seen.left), row_of(seen.width()),
                part_.data() + static_cast<size_t>(y - seen.top) * row_of(seen.width()));
  const Pixels& upscaled = runner_.run(part_, seen.width(), seen.height(), {channels_}, control);
  for (int y = touched.top * scale; y < touched.bottom * scale; ++y)
    std::copy_n(upscaled.data() + static_cast<size_t>(y - seen.top * scale) * out_row_of(seen.width()) +
                    out_row_of(touched.left - seen.left),
                out_row_of(touched.width()),
                last_out_.data() + static_cast<size_t>(y) * out_row_of(width_) + out_row_of(touched.left));
}

}  // namespace esrgan
