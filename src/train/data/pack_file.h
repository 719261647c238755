// All pictures of a source, decoded, in one file that is mapped into memory: sets that memory does not hold
// are read from disk once a patch needs them, without decoding.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "base/file.h"
#include "train/data/pictures.h"

namespace esrgan::train {

/// Numbers in the machine's byte order; a pack is made where it is used.
class PackFile {
 public:
  /// Opens the pack of these files in `folder`, or decodes them all, `threads` at a time, and makes it. Its
  /// name depends on the files' names, sizes and times, so that a changed set gets a pack of its own. Throws
  /// Error.
  PackFile(const std::filesystem::path& folder, const std::vector<PairFiles>& files, int scale, int threads);

  /// The pair, or nothing when its files could not be used.
  std::optional<Pair> pair(size_t index) const;

 private:
  std::shared_ptr<const MappedFile> file_;
  int scale_ = 1;
};

}  // namespace esrgan::train
