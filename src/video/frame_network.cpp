#include "video/frame_network.h"

#include <esrgan/error.h>

#include <algorithm>

#include "base/log.h"
#include "image/denoise_tv.h"
#include "video/frame_pixels.h"

namespace esrgan::video {
namespace {

/// Bytes that wait in the pipeline beside the frame that the network works on: pixels before and behind it,
/// and frames in the encoder, most of which look some 40 frames ahead.
uint64_t pipeline_memory(uint64_t pixels, uint64_t scale) {
  return pixels * (4 * 3 * sizeof(float) + scale * scale * (2 * 3 * sizeof(float) + 50 * 3 / 2));
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

void FrameNetwork::upscale(FrameItem& item, PixelsPool& pool, const std::stop_token& stop) {
  const auto format = static_cast<AVPixelFormat>(item.source->format);
  const int channels = channels_of(format);
  for (size_t field = 0; field < item.parts.size(); ++field) {
    Pixels& part = item.parts[field];
    const int width = item.source->width;
    const auto height =
        static_cast<int>(part.size() / static_cast<size_t>(width) / static_cast<size_t>(channels));
    Pixels upscaled;
    if (upscaler_) {
      const Size size{width, height, channels};
      std::optional<FrameUpscaler>& frames = frames_[field];
      if (!frames || size != sizes_[field]) {
        const auto pixels = static_cast<uint64_t>(width) * static_cast<uint64_t>(height);
        frames.emplace(*upscaler_, width, height, channels, stored_type(format),
                       pipeline_memory(pixels, static_cast<uint64_t>(scale())), reuse_);
        if (frames->out_channels() != channels)
          throw Error(ErrorKind::unsupported, "", "a network that makes colours", "a film in colours",
                      "a gray film");
        sizes_[field] = size;
        if (reuse_ && !frames->can_reuse())
          log_info(
              "--reuse: nothing can be taken from the frame before, bit for bit, with this network and size");
      }
      // Pictures are large: memory is taken when it is needed, so that two are enough in turns.
      const auto memory = [&] {
        return pool.take(part.size() * static_cast<size_t>(scale()) * static_cast<size_t>(scale()));
      };
      if (!frames->exchanges()) upscaled = memory();
      frames->run(part, upscaled, stop);
      if (frames->exchanges()) frames->lend(memory());
      reused_ += frames->reused();
      ++parts_;
      pool.give(std::move(part));
    } else {
      upscaled = std::move(part);
    }
    if (options_.denoise_tv > 0) {
      FloatImage picture;
      picture.width = width * scale();
      picture.height = height * scale();
      picture.channels = channels;
      picture.pixels = std::move(upscaled);
      denoise_tv(picture, options_.denoise_tv);
      upscaled = std::move(picture.pixels);
    }
    part = std::move(upscaled);
  }
}

}  // namespace esrgan::video
