// The pictures of a training set, decoded once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "image/float_image.h"
#include "train/data/data_recipe.h"

namespace esrgan::train {

/// 8-bit RGB, rows from top to bottom, channels interleaved.
struct PackedPicture {
  int width = 0, height = 0;
  std::span<const uint8_t> samples;
  std::shared_ptr<const void> owner;  ///< of the samples' memory
};

/// 8-bit pixels of floats in [0, 1], rounded.
PackedPicture stored(const FloatImage& picture);
/// A part of a picture as floats in [0, 1].
FloatImage floats_of(const PackedPicture& pixels, int left, int top, int width, int height);
FloatImage floats_of(const PackedPicture& pixels);

/// A large picture, cut to a multiple of the scale, and its reduced one.
struct Pair {
  PackedPicture hr, lr;
  size_t bytes() const { return hr.samples.size() + lr.samples.size(); }
};

/// The files of a folder and its sub-folders that can be read as pictures, by name. Throws Error when there
/// is none.
std::vector<std::filesystem::path> pictures_in(const std::filesystem::path& folder);

/// The files of one or two folders.
struct PairFiles {
  std::filesystem::path hr, lr;  ///< `lr` empty: made from `hr`
  double hr_scale = 1;           ///< the large picture is the file's reduced to this
};

/// The pictures of a source in the order of their names, each at each of its scales. A reduced picture is
/// called as its large one, or with "x4" (the scale) after the stem, as in DIV2K, or as the source's lr_name
/// says. Throws Error when there is none, or one without its partner.
std::vector<PairFiles> list_pairs(const SourceRecipe& source, int scale);

/// Decodes a pair; what is not RGB becomes it, alpha is dropped. What has no file is made by
/// resize_bicubic(). Throws Error when the sizes do not fit the scale.
Pair load_pair(const PairFiles& files, int scale);

class PackFile;

/// Keeps decoded pairs in memory, as many as fit, or has them in a pack file. Safe to use from many threads.
class PairCache {
 public:
  /// `memory` in bytes. Pictures smaller than `least` on a side are
  /// not used.
  PairCache(std::vector<PairFiles> files, int scale, int least, uint64_t memory);
  /// With a pack file in a folder; see pack_file.h.
  PairCache(std::vector<PairFiles> files, int scale, int least, const std::filesystem::path& pack_folder,
            int threads);

  size_t size() const { return files_.size(); }
  /// A number for the names of the large pictures, in their order.
  uint64_t fingerprint() const;
  /// The pair, or null when it cannot be used, which is reported once as a warning.
  std::shared_ptr<const Pair> get(size_t index);
  /// How many were found to be unusable so far.
  size_t skipped() const;

 private:
  struct Entry {
    std::mutex mutex;
    bool unusable = false;
    std::shared_ptr<const Pair> pair;
  };

  std::shared_ptr<const Pair> load(size_t index) const;

  std::vector<PairFiles> files_;
  std::shared_ptr<const PackFile> pack_;
  int scale_, least_;
  uint64_t memory_, used_ = 0;
  bool full_ = false;
  size_t skipped_ = 0;
  mutable std::mutex mutex_;  // of the counters
  std::vector<Entry> entries_;
};

}  // namespace esrgan::train
