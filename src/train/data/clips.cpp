#include "train/data/clips.h"

#include <esrgan/error.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include "base/memory.h"
#include "image/resize.h"
#include "image/shot.h"
#include "train/data/fingerprint.h"
#include "train/data/video_codec_module.h"

namespace esrgan::train {
namespace {

namespace fs = std::filesystem;

/// The part of a clip that a recipe wants.
std::pair<size_t, size_t> part_of(const ClipRecipe& recipe, size_t frames) {
  const auto first = std::min(frames, static_cast<size_t>(recipe.first));
  const auto count = recipe.count > 0 ? static_cast<size_t>(recipe.count) : frames;
  return {first, std::min(frames, first + count)};
}

/// Every folder that has pictures is a clip.
class FolderClips : public Clips {
 public:
  FolderClips(const ClipRecipe& recipe, const DataRecipe& data, uint64_t memory)
      : cache_(open(recipe, data, memory, ends_)) {}

  uint64_t fingerprint() const override { return cache_.fingerprint(); }

 private:
  static PairCache open(const ClipRecipe& recipe, const DataRecipe& data, uint64_t memory,
                        std::vector<size_t>& ends) {
    std::map<fs::path, std::vector<fs::path>> folders;
    for (const fs::path& picture : pictures_in(recipe.frames))
      folders[picture.parent_path()].push_back(picture);
    std::vector<PairFiles> files;
    for (const auto& [folder, pictures] : folders) {
      const auto [first, end] = part_of(recipe, pictures.size());
      if (first == end) continue;
      for (size_t i = first; i < end; ++i) files.push_back({pictures[i], {}});
      ends.push_back(files.size());
    }
    if (files.empty())
      throw Error(ErrorKind::not_found, recipe.frames, "has no such frames", "first below the clip's length",
                  std::to_string(recipe.first));
    if (!data.pack_folder.empty())
      return {std::move(files), data.scale, data.hr_size, data.pack_folder, data.workers};
    return {std::move(files), data.scale, data.hr_size, memory};
  }

  std::shared_ptr<const Pair> get(size_t frame) const override { return cache_.get(frame); }

  mutable PairCache cache_;
};

/// A film's frames, decoded once.
class FilmClips : public Clips {
 public:
  FilmClips(const ClipRecipe& recipe, const DataRecipe& data, uint64_t memory)
      : file_(recipe.frames), memory_(memory), scale_(data.scale), part_(part_of(recipe, SIZE_MAX)) {
    const char* const problem = video_codec_module().decode(file_.c_str(), take, this);
    if (failure_) throw Error(*failure_);
    if (problem != nullptr)
      throw Error(ErrorKind::bad_data, file_, std::string("cannot be used: ") + problem);
    if (frames_.empty()) throw Error(ErrorKind::not_found, file_, "has no such frames");
    ends_ = {frames_.size()};
  }

  uint64_t fingerprint() const override {
    Fingerprint print;
    print.add(fs::path(file_).filename().string());
    print.add(std::to_string(frames_.size()));
    return print.value();
  }

 private:
  /// Errors do not pass through FFmpeg's module.
  static bool take(void* user, const uint8_t* pixels, int width, int height) {
    auto& clips = *static_cast<FilmClips*>(user);
    try {
      return clips.add(pixels, width, height);
    } catch (const Error& error) {
      clips.failure_ = error;
    } catch (const std::exception& error) {
      clips.failure_ = Error(ErrorKind::internal, clips.file_, error.what());
    }
    return false;
  }

  bool add(const uint8_t* pixels, int width, int height) {
    if (decoded_++ < part_.first) return true;
    const auto bytes = static_cast<size_t>(width) * static_cast<size_t>(height) * 3;
    const FloatImage frame = crop_to_multiple(floats_of({width, height, {pixels, bytes}, nullptr}), scale_);
    frames_.push_back(std::make_shared<const Pair>(
        Pair{stored(frame), stored(resize_bicubic(frame, 1.0 / scale_, SampleType::u8))}));
    used_ += frames_.back()->bytes();
    if (used_ > memory_)
      throw Error(
          ErrorKind::out_of_resources, file_, "the film's frames do not fit in memory",
          "at most " + format_memory_size(memory_) +
              " (cache_megabytes; first and count take a part; 'esrgan video -m none' makes a folder)");
    return decoded_ < part_.second;
  }

  std::shared_ptr<const Pair> get(size_t frame) const override { return frames_[frame]; }

  std::string file_;
  uint64_t memory_, used_ = 0;
  int scale_;
  std::pair<size_t, size_t> part_;
  size_t decoded_ = 0;
  std::vector<std::shared_ptr<const Pair>> frames_;
  std::optional<Error> failure_;
};

bool is_cut(const Pair& before, const Pair& after) {
  const PackedPicture &a = before.lr, &b = after.lr;
  if (a.width != b.width || a.height != b.height) return true;
  const auto luma = [](const PackedPicture& picture) {
    return [&picture](size_t pixel) {
      const auto colour = [&](size_t c) { return static_cast<float>(picture.samples[3 * pixel + c]) / 255; };
      const float colours[] = {colour(0), colour(1), colour(2)};
      return luma_of(colours, 3);
    };
  };
  return looks_like_cut(luma(a), luma(b), a.samples.size() / 3);
}

}  // namespace

std::unique_ptr<Clips> open_clips(const ClipRecipe& recipe, const DataRecipe& data, uint64_t memory) {
  if (fs::is_directory(recipe.frames)) return std::make_unique<FolderClips>(recipe, data, memory);
  if (!fs::exists(recipe.frames)) throw Error(ErrorKind::not_found, recipe.frames, "does not exist");
  return std::make_unique<FilmClips>(recipe, data, memory);
}

std::vector<std::shared_ptr<const Pair>> window_of(const Clips& clips, size_t clip, size_t number,
                                                   int frames) {
  const auto radius = static_cast<size_t>(frames / 2);
  std::vector<std::shared_ptr<const Pair>> window(2 * radius + 1);
  window[radius] = clips.frame(clip, number);
  if (!window[radius]) return {};
  bool more_before = true, more_behind = true;
  for (size_t distance = 1; distance <= radius; ++distance) {
    const auto next = [&](const std::shared_ptr<const Pair>& last, bool& more, bool there, size_t of) {
      if (!more || !there) return last;
      auto found = clips.frame(clip, of);
      if (found) more = !is_cut(*last, *found);
      return found && !more ? last : found;
    };
    window[radius - distance] =
        next(window[radius - distance + 1], more_before, number >= distance, number - distance);
    window[radius + distance] = next(window[radius + distance - 1], more_behind,
                                     number + distance < clips.frames(clip), number + distance);
    if (!window[radius - distance] || !window[radius + distance]) return {};
  }
  return window;
}

}  // namespace esrgan::train
