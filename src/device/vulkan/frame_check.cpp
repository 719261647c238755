#include "device/vulkan/frame_check.h"

#include <esrgan/error.h>

#include <algorithm>

#include "base/log.h"
#include "device/reference/frames.h"
#include "device/vulkan/vulkan_executor.h"

namespace esrgan::vulkan {
namespace {

/// A network that gives what it gets.
Graph same() {
  Convolution copy;
  copy.name = "copy";
  copy.in_channels = copy.out_channels = 3;
  copy.kernel = 1;
  copy.weights = {1, 0, 0, 0, 1, 0, 0, 0, 1};
  copy.bias.assign(3, 0.0F);
  return graph_of(std::move(copy));
}

/// `to` means of two neighbours of `from`.
Resampling means(int from, int to) {
  Resampling made;
  made.count = 2;
  for (int i = 0; i < to; ++i) {
    made.first.push_back(std::min(i * from / to, from - 2));
    made.factors.insert(made.factors.end(), {0.75F, 0.25F});
  }
  return made;
}

/// 4:2:0, samples about the middle of their range.
FrameFormat format_of(int bits, bool is_output) {
  FrameFormat format;
  format.width = 22;
  format.height = 10;
  format.chroma_width = format.width / 2;
  format.chroma_height = format.height / 2;
  format.bits = bits;
  const auto range = static_cast<float>(1 << bits);
  const float unit = is_output ? range : 1 / range;
  format.matrix = {{{0.5F * unit, 0.25F * unit, 0, is_output ? 0 : 0.125F},
                    {0.25F * unit, 0.5F * unit, 0.125F * unit, 0},
                    {0, 0.25F * unit, 0.5F * unit, 0}}};
  const auto along = [&](int luma, int chroma) {
    return is_output ? means(luma, chroma) : means(chroma, luma);
  };
  format.across = along(format.width, format.chroma_width);
  format.down = along(format.height, format.chroma_height);
  return format;
}

}  // namespace

bool FrameCheck::is_passed(bool half) {
  std::optional<bool>& passed = passed_.at(half ? 1 : 0);
  if (!passed) {
    try {
      passed = is_right(half);
    } catch (const Error&) {  // whoever runs a network meets it again
      return false;
    }
    if (!*passed)
      log_warning(device_ + ": it converts frames wrongly with this driver, and the processor does it");
  }
  return *passed;
}

bool FrameCheck::is_right(bool half) const {
  if (context_->trial().wrong_frames) return false;
  VulkanExecutor executor(same(), half, Matrices::none, context_);
  for (const int bits : {8, 10}) {
    const auto formats = std::make_shared<const FrameFormats>(
        FrameFormats{format_of(bits, false), format_of(18 - bits, true)});
    const OwnFrame in(formats->in), expected(formats->out), found(formats->out);
    for (size_t plane = 0; plane < 3; ++plane)
      for (int y = 0; y < formats->in.plane_height(plane); ++y)
        for (int x = 0; x < formats->in.plane_width(plane); ++x)
          set_sample(formats->in, in.planes(), plane, x, y,
                     (x * 37 + y * 11 + static_cast<int>(plane) * 5) % (1 << bits));
    write_frame(formats->out, read_frame(formats->in, in.planes()), expected.planes());
    const int limit = half ? 1 + (1 << formats->out.bits) / 500 : 1;
    if (!executor.run_frame(in.planes(), found.planes(), formats, {}) ||
        largest_distance(formats->out, expected.planes(), found.planes()) > limit)
      return false;
  }
  return true;
}

}  // namespace esrgan::vulkan
