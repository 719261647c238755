// The skeleton of TIFF: a header, and directories of fields that may lie anywhere. EXIF blocks have it too.
// TIFF 6.0, section 2; BigTIFF as its design of 2004 has it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"

namespace esrgan {

/// Types of a field's values.
enum class TiffType : uint16_t {
  byte = 1,
  ascii = 2,
  short_ = 3,
  long_ = 4,
  rational = 5,
  undefined = 7,
  ifd = 13,
  long8 = 16,
  slong8 = 17,
  ifd8 = 18
};

/// Bytes of one value; 0 for types that nobody has defined.
size_t tiff_type_size(uint16_t type);

struct TiffField {
  uint16_t tag = 0, type = 0;
  uint64_t count = 0;
  uint64_t offset = 0;  ///< of its first value in the source
};

struct TiffDirectory {
  std::vector<TiffField> fields;
  uint64_t next = 0;       ///< position of the following directory; 0 for none
  uint64_t next_link = 0;  ///< position of the number `next`; 0 when the directory is cut off before it

  const TiffField* find(uint16_t tag) const;
};

/// Reads directories and values. Numbers that make no sense are left out, never believed.
class TiffStructure {
 public:
  /// None when the source begins with no TIFF header. The source must live as long as this.
  static std::optional<TiffStructure> open(const ByteSource& source);

  bool big_endian() const { return big_endian_; }
  uint64_t first_directory() const { return first_; }
  uint64_t source_size() const { return source_->size(); }

  /// None when there is no directory at that place. Fields of unknown types, and those whose values lie
  /// outside of the source, are left out.
  std::optional<TiffDirectory> directory(uint64_t offset) const;
  /// A field's bytes, numbers in little-endian order; empty when there are more than `most`.
  std::vector<uint8_t> value(const TiffField& field, uint64_t most) const;
  /// The first value of a field of whole unsigned numbers.
  std::optional<uint64_t> number(const TiffField& field) const;

 private:
  TiffStructure(const ByteSource& source, bool big_endian, bool big)
      : source_(&source), big_endian_(big_endian), big_(big) {}
  uint64_t parse(const uint8_t* bytes, size_t size) const;
  std::optional<uint64_t> number_at(uint64_t offset, size_t size) const;
  std::optional<TiffField> parse_field(const uint8_t* entry, uint64_t entry_offset) const;

  const ByteSource* source_;
  bool big_endian_, big_;
  uint64_t first_ = 0;
};

/// Where a directory lies, and what its picture is for: NewSubfileType, whose bits say 1 reduced, 2 page, 4
/// mask.
struct TiffPage {
  uint64_t offset = 0;
  uint64_t kind = 0;
};

/// The directories that follow each other from the first on; loops end it, and so does `most`.
std::vector<TiffPage> tiff_pages(const TiffStructure& structure, size_t most);

}  // namespace esrgan
