#include "train/run/evaluator.h"

#include <esrgan/upscaler.h>
#include <torch/torch.h>

#include <algorithm>
#include <utility>

#include "image/resize.h"

namespace esrgan::train {
namespace {

using torch::Tensor;

constexpr int64_t tile = 384, overlap = 32;  // pixels of the small picture

/// The frames one behind the other.
Image image_of(const SmallFrames& small) {
  Image image;
  image.info.width = small.front().width;
  image.info.height = small.front().height;
  image.info.channels = static_cast<int>(3 * small.size());
  image.samples.resize(image.info.bytes());
  auto* to = image.data<uint8_t>();
  for (size_t pixel = 0; pixel < small.front().samples.size() / 3; ++pixel)
    for (const PackedPicture& frame : small)
      to = std::copy_n(frame.samples.begin() + 3 * static_cast<ptrdiff_t>(pixel), 3, to);
  return image;
}

/// 1 x (3 frames) x h x w in [0, 1].
Tensor tensor_of(const SmallFrames& small) {
  std::vector<Tensor> frames;
  for (const PackedPicture& pixels : small)
    frames.push_back(torch::from_blob(const_cast<uint8_t*>(pixels.samples.data()),
                                      {1, pixels.height, pixels.width, 3}, torch::kByte)
                         .permute({0, 3, 1, 2}));
  return torch::cat(frames, 1).to(torch::kFloat).div(255);
}

FloatImage picture_of(const Tensor& pictures) {
  const Tensor pixels = pictures.to(torch::kCPU, torch::kFloat).squeeze(0).permute({1, 2, 0}).contiguous();
  FloatImage picture(static_cast<int>(pixels.size(1)), static_cast<int>(pixels.size(0)), 3);
  std::copy_n(pixels.data_ptr<float>(), picture.pixels.size(), picture.pixels.begin());
  return picture;
}

/// A stretch [begin, end) of a side, computed with what lies around it.
struct Stretch {
  int64_t begin, end, from, to;
};

std::vector<Stretch> stretches(int64_t side, int64_t multiple) {
  const int64_t step = tile / multiple * multiple, around = (overlap + multiple - 1) / multiple * multiple;
  std::vector<Stretch> all;
  for (int64_t begin = 0; begin < side; begin += step) {
    const int64_t end = std::min(side, begin + step);
    all.push_back({begin, end, std::max<int64_t>(0, begin - around), std::min(side, end + around)});
  }
  return all;
}

}  // namespace

Upscale engine_upscale(const std::filesystem::path& model, int threads, const TaskStrengths& strengths) {
  UpscaleOptions options;
  options.precision = Precision::full;
  options.threads = threads;
  options.denoise = strengths[0];
  options.deblur = strengths[1];
  const auto upscaler = std::make_shared<Upscaler>(model.string(), options);
  return [upscaler](const SmallFrames& small) { return to_float_image(upscaler->upscale(image_of(small))); };
}

Upscale network_upscale(std::function<Tensor(const Tensor&)> forward, torch::Device device, int scale,
                        int multiple, int frames, std::vector<float> told) {
  return [forward = std::move(forward), device, scale, multiple, frames,
          told = std::move(told)](const SmallFrames& small) {
    Tensor x = tensor_of(small).to(device);
    if (const int64_t missing = frames - static_cast<int64_t>(small.size()); missing > 0)
      x = x.repeat({1, frames, 1, 1});
    for (const float value : told) x = torch::cat({x, torch::full_like(x.slice(1, 0, 1), value)}, 1);
    const int64_t down = (multiple - x.size(2) % multiple) % multiple,
                  across = (multiple - x.size(3) % multiple) % multiple;
    if (down + across > 0) x = torch::replication_pad2d(x, {0, across, 0, down});
    Tensor all = torch::empty({1, 3, x.size(2) * scale, x.size(3) * scale}, x.options());
    for (const Stretch& rows : stretches(x.size(2), multiple))
      for (const Stretch& columns : stretches(x.size(3), multiple)) {
        const auto part = [](const Tensor& t, const Stretch& r, const Stretch& c, int64_t zoom, int64_t top,
                             int64_t left) {
          return t.slice(2, (r.begin - top) * zoom, (r.end - top) * zoom)
              .slice(3, (c.begin - left) * zoom, (c.end - left) * zoom);
        };
        const Tensor seen = x.slice(2, rows.from, rows.to).slice(3, columns.from, columns.to);
        const Tensor made = forward(seen).to(torch::kFloat);
        part(all, rows, columns, scale, 0, 0)
            .copy_(part(made, rows, columns, scale, rows.from, columns.from));
      }
    FloatImage picture =
        picture_of(all.slice(2, 0, small.front().height * scale).slice(3, 0, small.front().width * scale));
    for (float& value : picture.pixels) value = std::clamp(value, 0.0F, 1.0F);
    quantise(picture);
    return picture;
  };
}

}  // namespace esrgan::train
