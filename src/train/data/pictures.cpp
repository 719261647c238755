#include "train/data/pictures.h"

#include <esrgan/error.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/errors.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "image/reader.h"
#include "image/resize.h"
#include "train/data/fingerprint.h"
#include "train/data/pack_file.h"

namespace esrgan::train {
namespace {

namespace fs = std::filesystem;

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

std::string size_text(int width, int height) {
  return std::to_string(width) + "x" + std::to_string(height);
}

}  // namespace

namespace {

/// Adds the pictures of a folder and its sub-folders, through links as well, but into none of `seen` again.
void add_pictures(const fs::path& folder, std::set<fs::path>& seen, std::vector<fs::path>& found) {
  std::error_code failure, gone;
  if (!seen.insert(fs::weakly_canonical(folder, gone)).second) return;
  for (const fs::path& path : paths_in(folder, failure)) {
    // What begins with a dot is hidden, or was being written when its program was killed.
    if (path.filename().string().starts_with('.')) continue;
    if (fs::is_directory(path, gone))
      add_pictures(path, seen, found);
    else if (can_read(path.extension().string()) && fs::is_regular_file(path, gone))
      found.push_back(path);
  }
  if (failure) throw file_error(folder.string(), "cannot be listed", failure.value());
}

}  // namespace

std::vector<fs::path> pictures_in(const fs::path& folder) {
  std::vector<fs::path> found;
  std::set<fs::path> seen;
  add_pictures(folder, seen, found);
  if (found.empty()) throw Error(ErrorKind::not_found, folder.string(), "there is no picture in this folder");
  std::sort(found.begin(), found.end());
  return found;
}

PackedPicture stored(const FloatImage& picture) {
  auto samples = std::make_shared<std::vector<uint8_t>>(picture.pixels.size());
  std::transform(picture.pixels.begin(), picture.pixels.end(), samples->begin(), [](float value) {
    return static_cast<uint8_t>(std::clamp(value, 0.0F, 1.0F) * 255 + 0.5F);
  });
  return {picture.width, picture.height, *samples, samples};
}

FloatImage floats_of(const PackedPicture& pixels, int left, int top, int width, int height) {
  FloatImage part(width, height, 3);
  for (int y = 0; y < height; ++y) {
    const auto row = pixels.samples.subspan(
        (static_cast<size_t>(top + y) * static_cast<size_t>(pixels.width) + static_cast<size_t>(left)) * 3,
        part.row_samples());
    std::transform(row.begin(), row.end(), part.row(y),
                   [](uint8_t value) { return static_cast<float>(value) / 255; });
  }
  return part;
}

FloatImage floats_of(const PackedPicture& pixels) {
  return floats_of(pixels, 0, 0, pixels.width, pixels.height);
}

namespace {

/// What the reduced picture of a large one may be called.
std::vector<std::string> lr_names(const SourceRecipe& source, const std::string& stem, int scale) {
  if (source.lr_name.empty()) return {stem, stem + "x" + std::to_string(scale)};
  std::string name = source.lr_name;
  return {name.replace(name.find("{}"), 2, stem)};
}

}  // namespace

std::vector<PairFiles> list_pairs(const SourceRecipe& source, int scale) {
  std::vector<PairFiles> pairs;
  for (const fs::path& hr : pictures_in(source.hr)) {
    if (source.lr.empty()) {
      for (const double hr_scale : source.hr_scales) pairs.push_back({hr, {}, hr_scale});
      continue;
    }
    pairs.push_back({hr, {}});
    const fs::path inner = fs::relative(hr, source.hr).parent_path();
    const std::vector<std::string> names = lr_names(source, hr.stem().string(), scale);
    for (const std::string& name : names)
      for (const std::string& extension : {hr.extension().string(), std::string(".png")}) {
        const fs::path candidate = (source.lr / inner / name).concat(extension);
        if (pairs.back().lr.empty() && fs::is_regular_file(candidate)) pairs.back().lr = candidate;
      }
    if (pairs.back().lr.empty())
      throw Error(ErrorKind::not_found, source.lr, "has no reduced picture for " + hr.string(),
                  names.front() + ".png" + (names.size() > 1 ? " or " + names.back() + ".png" : ""));
  }
  return pairs;
}

Pair load_pair(const PairFiles& files, int scale) {
  FloatImage whole = read_rgb(files.hr);
  if (files.hr_scale != 1) whole = resize_bicubic(whole, files.hr_scale, SampleType::u8);
  const FloatImage hr = crop_to_multiple(whole, scale);
  if (hr.width == 0 || hr.height == 0)
    throw Error(ErrorKind::bad_data, files.hr.string(), "is smaller than the scale");
  const FloatImage lr =
      files.lr.empty() ? resize_bicubic(hr, 1.0 / scale, SampleType::u8) : read_rgb(files.lr);
  if (lr.width * scale != hr.width || lr.height * scale != hr.height)
    throw Error(ErrorKind::bad_data, files.lr.string(), "size of the reduced picture of " + files.hr.string(),
                size_text(hr.width / scale, hr.height / scale), size_text(lr.width, lr.height));
  return {stored(hr), stored(lr)};
}

PairCache::PairCache(std::vector<PairFiles> files, int scale, int least, uint64_t memory)
    : files_(std::move(files)), scale_(scale), least_(least), memory_(memory), entries_(files_.size()) {}

PairCache::PairCache(std::vector<PairFiles> files, int scale, int least, const fs::path& pack_folder,
                     int threads)
    : files_(std::move(files)),
      pack_(std::make_shared<const PackFile>(pack_folder, files_, scale, threads)),
      scale_(scale),
      least_(least),
      memory_(0),
      entries_(files_.size()) {}

std::shared_ptr<const Pair> PairCache::load(size_t index) const {
  if (!pack_) return std::make_shared<const Pair>(load_pair(files_[index], scale_));
  auto pair = pack_->pair(index);
  if (!pair)
    throw Error(ErrorKind::bad_data, files_[index].hr.string(),
                "could not be used when the pack file was made");
  return std::make_shared<const Pair>(*std::move(pair));
}

uint64_t PairCache::fingerprint() const {
  Fingerprint print;
  for (const PairFiles& pair : files_) {
    print.add(pair.hr.filename().string());
    if (pair.hr_scale != 1) print.add(std::to_string(pair.hr_scale));
  }
  return print.value();
}

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
    pair = load(index);
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
  if (pack_ || used_ + pair->bytes() <= memory_) {
    used_ += pair->bytes();
    entry.pair = pair;
  } else if (!std::exchange(full_, true)) {
    log_warning("the training pictures do not fit in " + format_memory_size(memory_) +
                ": the rest is decoded each time (datasets.train.cache_megabytes; smaller pictures help)");
  }
  return pair;
}

}  // namespace esrgan::train
