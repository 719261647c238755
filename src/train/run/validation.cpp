#include "train/run/validation.h"

#include <algorithm>

#include "base/platform_memory.h"
#include "image/resize.h"
#include "train/data/clips.h"
#include "train/data/fingerprint.h"
#include "train/data/task_source.h"

namespace esrgan::train {
namespace {

FloatImage upscale_pixels(const FloatImage& picture, int scale) {
  FloatImage result(picture.width * scale, picture.height * scale, picture.channels);
  for (int y = 0; y < result.height; ++y)
    for (int x = 0; x < result.width; ++x)
      for (int c = 0; c < result.channels; ++c) result.at(x, y, c) = picture.at(x / scale, y / scale, c);
  return result;
}

bool is_sound(const ValidationRecipe& recipe) {
  return recipe.strengths == TaskStrengths{};
}

/// A small picture with the set's damage, which depends on its name alone.
PackedPicture shown(const PackedPicture& small, const ValidationRecipe& recipe, const std::string& name) {
  if (is_sound(recipe)) return small;
  Fingerprint print;
  print.add(name);
  Random random{print.value()};
  return stored(damaged(floats_of(small), recipe.tasks, recipe.strengths, random));
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

ValidationSet::ValidationSet(const ValidationRecipe& recipe, int scale, int frames, Metrics metrics)
    : name_(recipe.name),
      strengths_(recipe.strengths),
      scale_(scale),
      metrics_(std::move(metrics)),
      bicubic_(metrics_.size()) {
  if (recipe.clips.frames.empty()) {
    for (const PairFiles& file : list_pairs(recipe.source, scale)) {
      const Pair pair = load_pair(file, scale);
      const std::string name = file.hr.stem().string();
      add({name, pair.hr, {shown(pair.lr, recipe, name)}}, file.lr.empty() && is_sound(recipe));
    }
  } else {
    DataRecipe data;
    data.scale = scale;
    const auto clips = open_clips(recipe.clips, data, available_memory() / 4);
    for (size_t clip = 0; clip < clips->count(); ++clip)
      for (size_t number = 0; number < clips->frames(clip); number += static_cast<size_t>(recipe.every)) {
        const auto window = window_of(*clips, clip, number, frames);
        if (window.empty()) continue;
        SmallFrames small;
        for (const auto& pair : window) small.push_back(pair->lr);
        add({std::to_string(clip + 1) + "-" + std::to_string(number), window[window.size() / 2]->hr,
             std::move(small)},
            true);
      }
  }
  for (double& mean : bicubic_) mean /= static_cast<double>(pictures_.size());
}

void ValidationSet::add(Picture picture, bool published_bicubic) {
  const FloatImage original = floats_of(picture.original),
                   bicubic = resize_bicubic(floats_of(picture.middle()), scale_, SampleType::u8);
  for (size_t m = 0; m < metrics_.size(); ++m)
    bicubic_[m] += published_bicubic ? metrics_[m]->of_published_bicubic(original, bicubic, scale_)
                                     : metrics_[m]->of(original, bicubic, scale_);
  pictures_.push_back(std::move(picture));
}

ValidationResult ValidationSet::measure(const MakeUpscale& network, const std::filesystem::path& sample,
                                        const std::filesystem::path& folder) const {
  ValidationResult result;
  result.name = name_;
  result.bicubic = bicubic_;
  result.ours.resize(metrics_.size());
  const Upscale upscale = network(strengths_);
  if (!folder.empty()) std::filesystem::create_directories(folder);
  for (size_t i = 0; i < pictures_.size(); ++i) {
    const Picture& picture = pictures_[i];
    const FloatImage original = floats_of(picture.original), reduced = floats_of(picture.middle());
    const FloatImage ours = upscale(picture.small);
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
