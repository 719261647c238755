// Picture files, read row by row.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "image/gaps.h"
#include "image/rows.h"

namespace esrgan {

/// Colours that are stored under fully transparent pixels.
enum class HiddenColours {
  kept,
  bled  ///< taken from what is visible around, see bleed_colours()
};

/// The pictures of a file, one after the other.
class PictureReader {
 public:
  /// Reads the header of the first picture. "-" is standard input. `formats`: extensions of those that may be
  /// read; all when it is empty. Throws Error naming the file.
  explicit PictureReader(const std::string& path, const std::vector<std::string>& formats = {});
  ~PictureReader();
  PictureReader(const PictureReader&) = delete;
  PictureReader& operator=(const PictureReader&) = delete;
  PictureReader(PictureReader&&) = delete;
  PictureReader& operator=(PictureReader&&) = delete;

  /// Pages or frames in the file.
  int pictures() const;
  /// Throws Error when the picture has channels that are neither colours nor alpha.
  void refuse_bands() const;
  /// What the file is one of, and where its numbers lie.
  struct Series {
    std::string name;
    double lo, hi;
  };
  /// None where it belongs to no series.
  std::optional<Series> series() const;
  /// Pictures that were not asked for yet are seen with this range.
  void show(double lo, double hi);

  /// Bytes of the first picture as floats.
  uint64_t bytes_as_floats() const;

  /// The next picture for row-wise reading, its gaps filled; without a source after the last. One whose rows
  /// do not come in order (an orientation to apply) or that has alpha, or any one when `whole` is set, is
  /// read into memory first. Numbers of their own (floats, measurements) are read once before, to know where
  /// they lie. Error when it takes more than `memory_limit` bytes. The source must be read before the next
  /// one is asked for. Remarks are logged here, or when the last row is read.
  FilledSource next(bool whole, HiddenColours hidden, uint64_t memory_limit);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Whether a file has measurements instead of a photograph: a medical picture, a map. By its name where that
/// tells, else by its first picture's header; false when it cannot be opened.
bool holds_measurements(const std::string& path);

/// Whether the file may belong to a series; false when it cannot be opened.
bool may_be_in_series(const std::string& path);

/// The first picture of a file, which has no bands, with hidden colours bled.
std::unique_ptr<RowSource> open_image(const std::string& path, bool whole, uint64_t memory_limit);

/// Whether an extension ("png", with or without a dot, any case) names a format that can be read here.
bool can_read(const std::string& extension);

}  // namespace esrgan
