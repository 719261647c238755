// The pictures of a training set, decoded once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "train/recipe.h"

namespace esrgan::train {

/// 8-bit RGB, rows from top to bottom, channels interleaved.
struct Pixels {
  int width = 0, height = 0;
  std::vector<uint8_t> samples;
};

/// A large picture, cut to a multiple of the scale, and its reduced one.
struct Pair {
  Pixels hr, lr;
  size_t bytes() const { return hr.samples.size() + lr.samples.size(); }
};

/// The files of one or two folders.
struct PairFiles {
  std::filesystem::path hr, lr;  ///< `lr` empty: made from `hr`
};

/// The pictures of a source in the order of their names. A reduced picture is called as its large one, or
/// with "x4" (the scale) after the stem, as in DIV2K. Throws Error when there is none, or one without its
/// partner.
std::vector<PairFiles> list_pairs(const SourceRecipe& source, int scale);

/// Decodes a pair; what is not RGB becomes it, alpha is dropped. The reduced picture, when there is no file
/// of it, is made by resize_bicubic(). Throws Error when the sizes do not fit the scale.
Pair load_pair(const PairFiles& files, int scale);

/// Keeps decoded pairs in memory, as many as fit. Safe to use from many threads.
class PairCache {
 public:
  /// `memory` in bytes; 0 takes a quarter of what is free now. Pictures smaller than `least` on a side are
  /// not used.
  PairCache(std::vector<PairFiles> files, int scale, int least, uint64_t memory);

  size_t size() const { return files_.size(); }
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

  std::vector<PairFiles> files_;
  int scale_, least_;
  uint64_t memory_, used_ = 0;
  bool full_ = false;
  size_t skipped_ = 0;
  mutable std::mutex mutex_;  // of the counters
  std::vector<Entry> entries_;
};

}  // namespace esrgan::train
