#include "train/run/validation.h"

#include <esrgan/upscaler.h>

#include <algorithm>

#include "image/resize.h"

namespace esrgan::train {
namespace {

Image image_of(const Pixels& pixels) {
  Image image;
  image.info.width = pixels.width;
  image.info.height = pixels.height;
  image.info.channels = 3;
  image.samples.resize(pixels.samples.size());
  std::copy(pixels.samples.begin(), pixels.samples.end(), image.data<uint8_t>());
  return image;
}

void add(Quality& sum, const Quality& part, size_t count) {
  sum.psnr += part.psnr / static_cast<double>(count);
  sum.ssim += part.ssim / static_cast<double>(count);
}

FloatImage upscale_pixels(const FloatImage& picture, int scale) {
  FloatImage result(picture.width * scale, picture.height * scale, picture.channels);
  for (int y = 0; y < result.height; ++y)
    for (int x = 0; x < result.width; ++x)
      for (int c = 0; c < result.channels; ++c) result.at(x, y, c) = picture.at(x / scale, y / scale, c);
  return result;
}

void write_strip(const std::vector<FloatImage>& pictures, const std::filesystem::path& file) {
  FloatImage strip(pictures[0].width * static_cast<int>(pictures.size()), pictures[0].height, 3);
  for (size_t i = 0; i < pictures.size(); ++i)
    for (int y = 0; y < strip.height; ++y)
      std::copy_n(pictures[i].row(y), pictures[i].row_samples(),
                  strip.row(y) + i * pictures[i].row_samples());
  write_image(from_float_image(strip, SampleType::u8, {}), file.string());
}

}  // namespace

ValidationSet::ValidationSet(const ValidationRecipe& recipe, int scale, int threads)
    : name_(recipe.name), scale_(scale), threads_(threads) {
  for (const PairFiles& files : list_pairs(recipe.source, scale)) pairs_.push_back(load_pair(files, scale));
  for (const Pair& pair : pairs_) add(bicubic_, published_bicubic(floats_of(pair.hr), scale), pairs_.size());
}

ValidationResult ValidationSet::measure(const std::filesystem::path& model,
                                        const std::filesystem::path& sample) const {
  UpscaleOptions options;
  options.precision = Precision::full;
  options.threads = threads_;
  Upscaler upscaler(model.string(), options);
  ValidationResult result;
  result.name = name_;
  result.bicubic = bicubic_;
  for (size_t i = 0; i < pairs_.size(); ++i) {
    const FloatImage original = floats_of(pairs_[i].hr), reduced = floats_of(pairs_[i].lr);
    const FloatImage ours = to_float_image(upscaler.upscale(image_of(pairs_[i].lr)));
    add(result.ours, compare(original, ours, scale_, MetricChannels::y), pairs_.size());
    if (i == 0 && !sample.empty()) {
      write_strip(
          {upscale_pixels(reduced, scale_), resize_bicubic(reduced, scale_, SampleType::u8), ours, original},
          sample);
      result.sample = sample;
      result.sample_width = 4 * original.width;
      result.sample_height = original.height;
    }
  }
  return result;
}

}  // namespace esrgan::train
