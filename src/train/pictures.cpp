#include "train/pictures.h"

#include <esrgan/error.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/memory.h"
#include "image/resize.h"
#include "image/rows.h"

namespace esrgan::train {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> pictures_in(const std::string& folder) {
  std::error_code error;
  std::vector<fs::path> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder, error))
    if (entry.is_regular_file() && can_read(entry.path().extension().string())) found.push_back(entry.path());
  if (error) throw Error(folder, "cannot be listed: " + error.message());
  if (found.empty()) throw Error(folder, "there is no picture in this folder");
  std::sort(found.begin(), found.end());
  return found;
}

FloatImage read_rgb(const fs::path& file) {
  FloatImage picture = to_float_image(read_image(file.string()));
  if (picture.channels == 3) return picture;
  FloatImage rgb(picture.width, picture.height, 3);
  const int colours = picture.channels <= 2 ? 1 : 3;
  for (int y = 0; y < rgb.height; ++y)
    for (int x = 0; x < rgb.width; ++x)
      for (int c = 0; c < 3; ++c) rgb.at(x, y, c) = picture.at(x, y, c % colours);
  return rgb;
}

Pixels stored(const FloatImage& picture) {
  Pixels result{picture.width, picture.height, std::vector<uint8_t>(picture.pixels.size())};
  std::transform(picture.pixels.begin(), picture.pixels.end(), result.samples.begin(), [](float value) {
    return static_cast<uint8_t>(std::clamp(value, 0.0F, 1.0F) * 255 + 0.5F);
  });
  return result;
}

std::string size_text(int width, int height) {
  return std::to_string(width) + "x" + std::to_string(height);
}

}  // namespace

std::vector<PairFiles> list_pairs(const SourceRecipe& source, int scale) {
  std::vector<PairFiles> pairs;
  for (const fs::path& hr : pictures_in(source.hr)) {
    pairs.push_back({hr, {}});
    if (source.lr.empty()) continue;
    const fs::path inner = fs::relative(hr, source.hr).parent_path();
    const std::string stem = hr.stem().string(),
                      marked = std::string(stem).append("x").append(std::to_string(scale));
    for (const std::string& name : {stem, marked})
      for (const std::string& extension : {hr.extension().string(), std::string(".png")}) {
        const fs::path candidate = (source.lr / inner / name).concat(extension);
        if (pairs.back().lr.empty() && fs::is_regular_file(candidate)) pairs.back().lr = candidate;
      }
    if (pairs.back().lr.empty())
      throw Error(source.lr, "has no reduced picture for " + hr.string(),
                  stem + ".png or " + marked + ".png");
  }
  return pairs;
}

Pair load_pair(const PairFiles& files, int scale) {
  const FloatImage hr = crop_to_multiple(read_rgb(files.hr), scale);
  if (hr.width == 0 || hr.height == 0) throw Error(files.hr.string(), "is smaller than the scale");
  const FloatImage lr =
      files.lr.empty() ? resize_bicubic(hr, 1.0 / scale, SampleType::u8) : read_rgb(files.lr);
  if (lr.width * scale != hr.width || lr.height * scale != hr.height)
    throw Error(files.lr.string(), "size of the reduced picture of " + files.hr.string(),
                size_text(hr.width / scale, hr.height / scale), size_text(lr.width, lr.height));
  return {stored(hr), stored(lr)};
}

PairCache::PairCache(std::vector<PairFiles> files, int scale, int least, uint64_t memory)
    : files_(std::move(files)),
      scale_(scale),
      least_(least),
      memory_(memory != 0 ? memory : available_memory() / 4),
      entries_(files_.size()) {}

size_t PairCache::skipped() const {
  const std::lock_guard lock(mutex_);
  return skipped_;
}

std::shared_ptr<const Pair> PairCache::get(size_t index) {
  Entry& entry = entries_.at(index);
  const std::lock_guard own(entry.mutex);
  if (entry.pair || entry.unusable) return entry.pair;
  std::shared_ptr<const Pair> pair;
  std::string reason;
  try {
    pair = std::make_shared<const Pair>(load_pair(files_[index], scale_));
    if (std::min(pair->hr.width, pair->hr.height) < least_)
      reason = files_[index].hr.string() + ": smaller than a patch of " + std::to_string(least_) + " pixels";
  } catch (const Error& error) {
    reason = error.what();
  }
  const std::lock_guard lock(mutex_);
  if (!reason.empty()) {
    entry.unusable = true;
    ++skipped_;
    log_warning("skipped, " + reason + " (" + std::to_string(skipped_) + " so far)");
    return nullptr;
  }
  if (used_ + pair->bytes() <= memory_) {
    used_ += pair->bytes();
    entry.pair = pair;
  } else if (!std::exchange(full_, true)) {
    log_warning("the training pictures do not fit in " + format_memory_size(memory_) +
                ": the rest is decoded each time (datasets.train.cache_megabytes; smaller pictures help)");
  }
  return pair;
}

}  // namespace esrgan::train
