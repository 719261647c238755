// An EXIF block, changed where it stands: everything else, maker notes above all, keeps its place.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "image/metadata/exif_tree.h"

namespace esrgan {

// Types of EXIF's values that are changed or added.
constexpr uint16_t exif_short = 3, exif_long = 4, exif_rational = 5, exif_undefined = 7;

/// One SHORT or LONG; `entry` may be null.
bool is_number(const ExifEntry* entry);
uint32_t number_of(const ExifEntry& number);

/// One RATIONAL; `entry` may be null.
bool is_rational(const ExifEntry* entry);
std::array<uint32_t, 2> parts_of(const ExifEntry& rational);
/// 0 when the entry is none, or divides by 0.
double ratio_of(const ExifEntry* entry);

/// A positive number in two parts.
std::array<uint32_t, 2> fraction(double value);
ExifEntry rational_entry(uint16_t tag, double value);

/// Of a classic TIFF structure; entries are those of read_exif_tree().
class BlockPatch {
 public:
  BlockPatch(std::vector<uint8_t>& block, bool big_endian) : block_(block), big_endian_(big_endian) {}

  static constexpr uint64_t first_link = 4;  ///< position of the number that leads to the first directory

  /// A number that stands in its entry becomes a LONG. Anything else stays.
  void set(const ExifEntry* entry, uint32_t value);
  void set(const ExifEntry* entry, const std::array<uint32_t, 2>& parts);
  /// A number of so many bytes, inside the block.
  void put(uint64_t at, uint32_t value, size_t bytes);

  /// Adds entries, sorted by their tags, to the directory to which the number at `link` leads. It stands once
  /// more behind everything else then, and its old place is not used any more. False when there is none.
  bool add(uint64_t link, std::span<const ExifEntry> further);
  /// Position of the value of that tag in the first directory; 0 when there is none.
  uint64_t find_pointer(uint16_t tag) const;
  /// Zeros behind everything else; returns their position, which is even.
  uint64_t append(uint64_t bytes);
  /// Whether every number that was put still stands: not so where two parts of a block lie over each other.
  bool stands() const;

 private:
  struct Number {
    uint64_t at = 0;
    uint32_t value = 0;
    size_t bytes = 0;
  };

  uint32_t get(uint64_t at, size_t bytes) const;
  void copy(uint64_t from, uint64_t to, uint64_t bytes);
  void put_entry(uint64_t at, const ExifEntry& entry);

  std::vector<uint8_t>& block_;
  bool big_endian_;
  std::vector<Number> numbers_;
};

}  // namespace esrgan
