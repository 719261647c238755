#include "train/data/extract.h"

#include <esrgan/error.h>
#include <esrgan/image.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <map>

#include "base/errors.h"
#include "base/file.h"
#include "base/log.h"
#include "base/thread_pool.h"
#include "train/data/pictures.h"

namespace esrgan::train {
namespace {

namespace fs = std::filesystem;

std::string name_without_scale(const fs::path& file) {
  std::string stem = file.stem().string();
  for (const char* mark : {"x2", "x3", "x4", "x8"})
    if (stem.size() > 2 && stem.ends_with(mark) && stem[stem.size() - 3] >= '0' &&
        stem[stem.size() - 3] <= '9')
      return stem.substr(0, stem.size() - 2);
  return stem;
}

Image part_of(const Image& picture, int left, int top, int width, int height) {
  Image part{picture.info, {}};
  part.info.width = width;
  part.info.height = height;
  part.samples.resize(part.info.bytes());
  const size_t pixel = static_cast<size_t>(picture.info.channels) * size_of(picture.info.type);
  for (int y = 0; y < height; ++y)
    std::memcpy(
        part.samples.data() + static_cast<size_t>(y) * static_cast<size_t>(width) * pixel,
        picture.samples.data() + (static_cast<size_t>(top + y) * static_cast<size_t>(picture.info.width) +
                                  static_cast<size_t>(left)) *
                                     pixel,
        static_cast<size_t>(width) * pixel);
  return part;
}

/// Counts what was written and what was there.
void cut_up(const fs::path& file, const fs::path& target, const ExtractOptions& options,
            ExtractResult& result) {
  const Image picture = read_image(file.string());
  const int whole_width = picture.info.width / options.scale * options.scale,
            whole_height = picture.info.height / options.scale * options.scale;
  const int width = std::min(options.size, whole_width), height = std::min(options.size, whole_height);
  int number = 0;
  for (const int top : sub_image_places(whole_height, options))
    for (const int left : sub_image_places(whole_width, options)) {
      std::array<char, 24> suffix{};
      std::snprintf(suffix.data(), suffix.size(), "_s%03d.png", ++number);
      const fs::path output = target / (name_without_scale(file) + suffix.data());
      if (fs::exists(output)) {
        ++result.skipped;
        continue;
      }
      write_image(part_of(picture, left, top, width, height), output.string());
      ++result.sub_images;
    }
}

/// Leaves in the folder how its pictures are cut. Throws Error when those that are there were cut otherwise.
void remember(const fs::path& to, const ExtractOptions& options) {
  const fs::path file = to / ".extract.txt";
  const std::string how = "--size " + std::to_string(options.size) + " --step " +
                          std::to_string(options.step) + " --scale " + std::to_string(options.scale);
  std::error_code absent;
  if (fs::exists(file, absent)) {
    const MappedFile before(file);
    const std::string found(before.bytes().begin(), before.bytes().end());
    if (found != how)
      throw Error(ErrorKind::invalid_argument, to.string(), "sub-images in this folder", how, found);
    return;
  }
  write_file(file, {reinterpret_cast<const uint8_t*>(how.data()), how.size()});
}

}  // namespace

std::vector<int> sub_image_places(int side, const ExtractOptions& options) {
  std::vector<int> places;
  for (int place = 0; place + options.size <= side; place += options.step) places.push_back(place);
  if (places.empty())
    places.push_back(0);
  else if (places.back() + options.size < side)
    places.push_back(side - options.size);
  return places;
}

ExtractResult extract_sub_images(const fs::path& from, const fs::path& to, const ExtractOptions& options,
                                 const std::stop_token& stop) {
  const auto files = pictures_in(from);
  std::map<std::string, fs::path> names;
  for (const fs::path& file : files)
    if (const auto [same, fresh] = names.emplace(name_without_scale(file), file); !fresh)
      throw Error(ErrorKind::invalid_argument, file.string(),
                  "its sub-images would be called like those of " + same->second.string());
  std::error_code error;
  fs::create_directories(to, error);
  if (error) throw file_error(to.string(), "cannot be made", error.value());
  remember(to, options);
  std::vector<ExtractResult> results(files.size());
  ThreadPool pool(options.threads);
  pool.parallel_for(files.size(), [&](size_t i, int) {
    if (stop.stop_requested()) throw Cancelled();
    try {
      cut_up(files[i], to, options, results[i]);
      ++results[i].pictures;
    } catch (const Error& failure) {
      ++results[i].failed;
      log_warning(failure.what());
    }
  });
  ExtractResult sum;
  for (const ExtractResult& result : results) {
    sum.pictures += result.pictures;
    sum.sub_images += result.sub_images;
    sum.skipped += result.skipped;
    sum.failed += result.failed;
  }
  return sum;
}

}  // namespace esrgan::train
