#include "train/run/validation.h"

#include <algorithm>

#include "image/resize.h"

namespace esrgan::train {
namespace {

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

ValidationSet::ValidationSet(const ValidationRecipe& recipe, int scale, Metrics metrics)
    : name_(recipe.name), scale_(scale), metrics_(std::move(metrics)), bicubic_(metrics_.size()) {
  const std::vector<PairFiles> files = list_pairs(recipe.source, scale);
  for (const PairFiles& file : files) {
    pictures_.push_back({file.hr.stem().string(), load_pair(file, scale)});
    const Pair& pair = pictures_.back().pair;
    const FloatImage original = floats_of(pair.hr),
                     bicubic = resize_bicubic(floats_of(pair.lr), scale, SampleType::u8);
    for (size_t m = 0; m < metrics_.size(); ++m)
      bicubic_[m] += (file.lr.empty() ? metrics_[m]->of_published_bicubic(original, bicubic, scale)
                                      : metrics_[m]->of(original, bicubic, scale)) /
                     static_cast<double>(files.size());
  }
}

ValidationResult ValidationSet::measure(const Upscale& upscale, const std::filesystem::path& sample,
                                        const std::filesystem::path& folder) const {
  ValidationResult result;
  result.name = name_;
  result.bicubic = bicubic_;
  result.ours.resize(metrics_.size());
  if (!folder.empty()) std::filesystem::create_directories(folder);
  for (size_t i = 0; i < pictures_.size(); ++i) {
    const Picture& picture = pictures_[i];
    const FloatImage original = floats_of(picture.pair.hr), reduced = floats_of(picture.pair.lr);
    const FloatImage ours = upscale(picture.pair.lr);
    for (size_t m = 0; m < metrics_.size(); ++m)
      result.ours[m] += metrics_[m]->of(original, ours, scale_) / static_cast<double>(pictures_.size());
    if (!folder.empty())
      write_image(from_float_image(ours, SampleType::u8, {}), (folder / picture.name).string() + ".png");
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
