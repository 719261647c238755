#include "video/frame_network.h"

#include <esrgan/error.h>

#include <algorithm>

#include "base/log.h"
#include "image/denoise_tv.h"

namespace esrgan::video {
namespace {

constexpr size_t seen_colours = 3;  // of a frame in a window

/// Bytes that wait in the pipeline beside the frame that the network works on: pixels before and behind it,
/// and frames in the encoder, most of which look some 40 frames ahead.
uint64_t pipeline_memory(uint64_t pixels, uint64_t scale, int frames) {
  const auto around = frames > 1 ? 2 * static_cast<uint64_t>(frames) : 0;  // in windows
  return pixels * ((4 + around) * 3 * sizeof(float) + scale * scale * (2 * 3 * sizeof(float) + 50 * 3 / 2));
}

}  // namespace

FrameNetwork::FrameNetwork(const std::string& model_file, const UpscaleOptions& options, bool reuse)
    : options_(options), reuse_(reuse) {
  options_.scale = 0;  // conversion to the film's frames does this
  options_.width = options_.height = options_.longest = 0;
  options_.denoise_tv = 0;  // see upscale()
  options_.input_size = 0;
  if (!model_file.empty()) upscaler_ = std::make_unique<PictureUpscaler>(model_file, options_);
  options_.denoise_tv = options.denoise_tv;
}

double FrameNetwork::work(int width, int height, SampleType stored) {
  if (!upscaler_) return 1;
  upscaler_->prepare(stored);
  return upscaler_->macs_per_pixel() * width * height * (options_.self_ensemble ? 8 : 1);
}

FrameUpscaler& FrameNetwork::frames_for(size_t field, const Size& size) {
  std::optional<FrameUpscaler>& frames = frames_[field];
  if (frames && size == sizes_[field]) return *frames;
  // Another precision is another network, which both fields have.
  for (size_t other = 0; other < 2; ++other)
    if (sizes_[other].stored != size.stored) frames_[other].reset();
  const auto pixels = static_cast<uint64_t>(size.width) * static_cast<uint64_t>(size.height);
  frames.emplace(*upscaler_, size.width, size.height, size.channels, size.stored,
                 pipeline_memory(pixels, static_cast<uint64_t>(scale()), upscaler_->frames()), reuse_);
  sizes_[field] = size;
  if (reuse_ && !frames->can_reuse())
    log_info("--reuse: nothing can be taken from the frame before, bit for bit, with this network and size");
  return *frames;
}

/// Gives the memory of `part` back to the pool.
Pixels FrameNetwork::enlarge(Pixels& part, size_t field, const Size& size, PixelsPool& pool,
                             const std::stop_token& stop) {
  FrameUpscaler& frames = frames_for(field, size);
  // Pictures are large: memory is taken when it is needed, so that two are enough in turns.
  const auto memory = [&] {
    return pool.take(static_cast<size_t>(frames.out_width()) * static_cast<size_t>(frames.out_height()) *
                     static_cast<size_t>(frames.out_channels()));
  };
  Pixels upscaled;
  if (!frames.exchanges()) upscaled = memory();
  frames.run(part, upscaled, stop);
  if (frames.exchanges()) frames.lend(memory());
  reused_ += frames.reused();
  ++parts_;
  pool.give(std::move(part));
  return upscaled;
}

Pixels FrameNetwork::enlarge_window(const std::vector<SharedPixels>& window, size_t field, const Size& size,
                                    PixelsPool& pool, const std::stop_token& stop) {
  const auto channels = static_cast<size_t>(size.channels), pixels = window.front()->size() / channels;
  const bool alpha = channels % 2 == 0;
  const size_t colours = alpha ? channels - 1 : channels, seen = seen_colours * window.size();
  const Size of_window{size.width, size.height, static_cast<int>(seen), size.stored};
  // The network's colours of the frame's, from channel `first` on: of gray and alpha three equal ones.
  const auto enlarged = [&](size_t first, size_t count) {
    Pixels frames = pool.take(pixels * seen);
    frames.resize(pixels * seen);
    float* to = frames.data();
    for (size_t pixel = 0; pixel < pixels; ++pixel)
      for (const SharedPixels& frame : window)
        for (size_t c = 0; c < seen_colours; ++c)
          *to++ = (*frame)[pixel * channels + first + (count == 1 ? 0 : c)];
    return enlarge(frames, field, of_window, pool, stop);
  };
  Pixels made = enlarged(0, colours);
  if (channels == seen_colours) return made;
  const size_t large = made.size() / seen_colours;
  Pixels all(large * channels);
  const auto put = [&](const Pixels& from, size_t first, size_t count) {
    for (size_t pixel = 0; pixel < large; ++pixel) {
      const float* in = from.data() + pixel * seen_colours;
      float* out = all.data() + pixel * channels + first;
      if (count == 1)
        *out = (in[0] + in[1] + in[2]) / 3;
      else
        std::copy_n(in, count, out);
    }
  };
  put(made, 0, colours);
  if (alpha) put(enlarged(colours, 1), colours, 1);
  return all;
}

/// A device can take a whole frame of the size at hand while it computes another.
void FrameNetwork::announce(const FrameItem& next) {
  if (!next.source || next.repeated || !frames_[0]) return;
  if (next.parts.empty() && next.windows.empty())
    return frames_[0]->announce_frame(planes_of(*next.source), formats_);
  if (next.parts.size() != 1) return;
  if (sizes_[0] == size_of(kind_of(*next.source))) frames_[0]->announce(next.parts[0]);
}

FrameNetwork::Size FrameNetwork::size_of(const FrameKind& kind) {
  return {kind.width, kind.height, channels_of(kind.format), stored_type(kind.format)};
}

void FrameNetwork::convert_on_device(const FrameKind& kind, const FrameShape& shape,
                                     std::shared_ptr<FrameBuffers> buffers) {
  if (!upscaler_ || upscaler_->frames() > 1 || options_.denoise_tv > 0) return;
  upscaler_->prepare(stored_type(kind.format));
  if (!upscaler_->converts_frames()) return;
  try {
    auto formats = device_formats(kind, shape);
    if (formats && frames_for(0, size_of(kind)).takes(*formats)) formats_ = std::move(formats);
  } catch (const Error&) {  // whoever reads or enlarges a frame meets it again, and tells of it
    frames_[0].reset();
    return;
  }
  kind_ = kind;
  shape_ = shape;
  buffers_ = std::move(buffers);
}

bool FrameNetwork::enlarge_on_device(FrameItem& item, const std::stop_token& stop) {
  constexpr int patience = 3;  // frames; each that is refused is computed twice
  if (gives_up_) return false;
  FrameUpscaler& frames = frames_for(0, size_of(kind_));
  FramePtr frame = buffers_->take(shape_);
  if (!frames.run_frame(planes_of(*item.source), planes_of(*frame), formats_, stop)) {
    gives_up_ = ++refused_ == patience || !frames.takes(*formats_);
    return false;
  }
  ++parts_;
  item.enlarged = std::move(frame);
  return true;
}

void FrameNetwork::upscale(FrameItem& item, const FrameItem* next, PixelsPool& pool,
                           const std::stop_token& stop) {
  if (next != nullptr) announce(*next);
  if (item.parts.empty() && item.windows.empty()) {
    if (enlarge_on_device(item, stop)) return;
    item.parts.push_back(read_pixels(*item.source, Lines::all, reader_, pool));
  }
  const auto format = static_cast<AVPixelFormat>(item.source->format);
  const int channels = channels_of(format), width = item.source->width;
  if (!item.windows.empty()) item.parts.resize(item.windows.size());
  for (size_t field = 0; field < item.parts.size(); ++field) {
    Pixels& part = item.parts[field];
    const size_t samples = item.windows.empty() ? part.size() : item.windows[field].front()->size();
    const auto height =
        static_cast<int>(samples / static_cast<size_t>(width) / static_cast<size_t>(channels));
    const Size size{width, height, channels, stored_type(format)};
    if (upscaler_ && upscaler_->out_channels(channels) != channels)
      throw Error(ErrorKind::unsupported, "", "a network that makes colours", "a film in colours",
                  "a gray film");
    if (!item.windows.empty())
      part = enlarge_window(item.windows[field], field, size, pool, stop);
    else if (upscaler_)
      part = enlarge(part, field, size, pool, stop);
    if (options_.denoise_tv > 0) {
      FloatImage picture;
      picture.width = width * scale();
      picture.height = height * scale();
      picture.channels = channels;
      picture.pixels = std::move(part);
      denoise_tv(picture, options_.denoise_tv);
      part = std::move(picture.pixels);
    }
  }
  item.windows.clear();
}

}  // namespace esrgan::video
