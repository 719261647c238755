// EXIF as its directories and entries, read from a TIFF structure (an EXIF block, or a whole TIFF file) and
// laid out as one.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"

namespace esrgan {

struct ExifEntry {
  uint16_t tag = 0, type = 0;
  uint64_t count = 0;
  uint64_t offset = 0;  ///< of the value in the source, where it can be replaced by one of the same length
  std::vector<uint8_t> value;  ///< numbers are little-endian, whatever the source's order
};

/// Pointers from one directory to another are not among the entries.
struct ExifTree {
  bool big_endian = false;
  std::vector<ExifEntry> image;             ///< IFD0
  std::vector<ExifEntry> exif;              ///< 34665
  std::vector<ExifEntry> gps;               ///< 34853
  std::vector<ExifEntry> interoperability;  ///< 40965
  std::vector<ExifEntry> thumbnail;         ///< IFD1
  uint64_t thumbnail_link = 0;              ///< position of the offset of IFD1; 0 when there is none
};

/// None when the source is no TIFF structure. Damaged entries are left out; so are those that say where
/// samples lie, and values of IFD0 and IFD1 above 1 MiB that are neither ICC, XMP, IPTC nor Photoshop's.
std::optional<ExifTree> read_exif_tree(const ByteSource& source);
/// The same of a TIFF file's page, whose directory lies at `directory`; without a thumbnail.
std::optional<ExifTree> read_exif_tree(const ByteSource& source, uint64_t directory);

/// The entry of that tag, or null.
const ExifEntry* find_entry(std::span<const ExifEntry> entries, uint16_t tag);
/// Replaces the entry of that tag, or adds it.
void set_entry(std::vector<ExifEntry>& entries, ExifEntry entry);
/// An entry of whole numbers; type SHORT, LONG, IFD, LONG8 or IFD8.
ExifEntry numbers_entry(uint16_t tag, uint16_t type, std::span<const uint64_t> values);
/// An entry of bytes; type BYTE, ASCII or UNDEFINED.
ExifEntry bytes_entry(uint16_t tag, uint16_t type, std::span<const uint8_t> bytes);

/// A classic little-endian TIFF structure of all but the thumbnail; empty when the tree is, or would need 4
/// GiB.
std::vector<uint8_t> write_exif_block(const ExifTree& tree);
/// One directory with its values, to stand at the even position `at` of a little-endian file, `big` in a
/// BigTIFF. No directory follows it. Entries are sorted; those that do not fit their type or the format are
/// left out, and so are further ones of a tag. All must lie below 4 GiB unless `big`.
std::vector<uint8_t> lay_out_directory(std::span<const ExifEntry> entries, uint64_t at, bool big = false);
/// IFD0 as by lay_out_directory(), and behind it the other directories but the thumbnail's.
std::vector<uint8_t> lay_out_tree(const ExifTree& tree, uint64_t at, bool big = false);
/// Position of the link to the next directory in what lay_out_directory() or lay_out_tree() returned.
size_t directory_link(std::span<const uint8_t> laid_out, bool big = false);

}  // namespace esrgan
