#include "image/codecs/tiff_metadata.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/memory_source.h"
#include "image/codecs/photoshop.h"
#include "image/metadata/georeference.h"
#include "image/metadata/tiff_structure.h"

namespace esrgan {
namespace {

constexpr uint16_t orientation_tag = 274, x_resolution = 282, y_resolution = 283, resolution_unit = 296;
constexpr uint16_t xmp_tag = 700, iptc_tag = 33723, photoshop_tag = 34377, icc_tag = 34675;
constexpr uint16_t exif_width = 40962, exif_height = 40963;

/// Tags of IFD0 that say how samples are stored, or that have a place of their own in the metadata.
/// Everything else describes the picture.
bool is_structural(uint16_t tag) {
  struct Range {
    uint16_t first, last;
  };
  static constexpr std::array<Range, 27> ranges = {{
      {254, 259},      // subfile type, size, bits, compression
      {262, 266},      // photometric, thresholds, fill order
      {273, 274},      // strips, orientation
      {277, 284},      // samples, strips, their least and greatest values, resolution, planes
      {288, 293},      // free space, gray response, fax options
      {296, 297},      // unit of resolution, page number
      {300, 301},      // colour response, transfer function: tables for each value of a sample
      {317, 317},      // predictor
      {320, 328},      // colour map, halftones, tiles, fax
      {330, 330},      // further directories
      {332, 346},      // inks, extra samples, sample format, clipping, indexed
      {347, 347},      // JPEG tables
      {351, 351},      // OPI
      {400, 405},      // TIFF/FX
      {433, 435},      // TIFF/FX: decode, image base, fax
      {512, 532},      // JPEG, YCbCr, reference black and white
      {559, 559},      // rows of each strip
      {700, 700},      // XMP
      {32781, 32998},  // OPI, SGI's and Pixar's data types
      {33421, 33422},  // colour filter array
      {33723, 33723},  // IPTC
      {34377, 34377},  // Photoshop
      {34665, 34665},  // pointer to EXIF
      {34675, 34675},  // ICC
      {34853, 34853},  // pointer to GPS
      {37724, 37724},  // Photoshop's layers, of the old size
      {50674, 52599},  // LERC, DNG, ImageJ's tables
  }};
  return tag == 40965 || std::any_of(ranges.begin(), ranges.end(), [tag](const Range& range) {
           return tag >= range.first && tag <= range.last;
         });
}

uint32_t word_at(const ExifEntry& entry, size_t i) {
  uint32_t value = 0;
  for (size_t byte = 0; byte < 4; ++byte) value |= uint32_t{entry.value[4 * i + byte]} << (8 * byte);
  return value;
}

double rational(const ExifEntry* entry) {
  constexpr uint16_t type = 5;
  if (entry == nullptr || entry->type != type || entry->value.size() < 8) return 0;
  const uint32_t below = word_at(*entry, 1);
  return below == 0 ? 0 : static_cast<double>(word_at(*entry, 0)) / below;
}

Resolution read_resolution(const ExifTree& tree) {
  Resolution resolution;
  resolution.x = rational(find_entry(tree.image, x_resolution));
  resolution.y = rational(find_entry(tree.image, y_resolution));
  if (resolution.x <= 0 || resolution.y <= 0) return {};
  const ExifEntry* const unit = find_entry(tree.image, resolution_unit);
  const int code = unit == nullptr || unit->value.empty() ? 2 : unit->value[0];
  resolution.unit = code == 1   ? Resolution::Unit::none
                    : code == 3 ? Resolution::Unit::centimetre
                                : Resolution::Unit::inch;
  return resolution;
}

/// Records begin with 0x1C. Some writers store them as LONG and turn each four bytes round.
std::vector<uint8_t> read_iptc(const ExifEntry& entry) {
  constexpr uint8_t marker = 0x1C;
  std::vector<uint8_t> records = entry.value;
  if (records.size() >= 4 && records[0] != marker && records[3] == marker) {
    for (size_t i = 0; i + 4 <= records.size(); i += 4) {
      std::swap(records[i], records[i + 3]);
      std::swap(records[i + 1], records[i + 2]);
    }
  }
  return records;
}

std::vector<uint8_t> value_of(const ExifTree& tree, uint16_t tag) {
  const ExifEntry* const entry = find_entry(tree.image, tag);
  return entry == nullptr ? std::vector<uint8_t>{} : entry->value;
}

/// The value as a fraction, with as few decimal places as it needs.
std::optional<ExifEntry> rational_entry(uint16_t tag, double value) {
  if (!(value > 0) || value > UINT32_MAX) return std::nullopt;
  uint64_t below = 1;
  while (below < 1'000'000 &&
         std::abs(std::round(value * static_cast<double>(below)) - value * static_cast<double>(below)) >
             1e-6 &&
         value * static_cast<double>(below) * 10 <= UINT32_MAX) {
    below *= 10;
  }
  const auto above = static_cast<uint64_t>(std::round(value * static_cast<double>(below)));
  ExifEntry entry =
      numbers_entry(tag, static_cast<uint16_t>(TiffType::long_), std::array<uint64_t, 2>{above, below});
  entry.type = static_cast<uint16_t>(TiffType::rational);
  entry.count = 1;
  return entry;
}

ExifEntry short_entry(uint16_t tag, uint64_t value) {
  return numbers_entry(tag, static_cast<uint16_t>(TiffType::short_), std::array{value});
}

void set_resolution(std::vector<ExifEntry>& to, const Resolution& resolution) {
  const auto x = rational_entry(x_resolution, resolution.x);
  const auto y = rational_entry(y_resolution, resolution.y);
  if (!x || !y) return;
  set_entry(to, *x);
  set_entry(to, *y);
  const uint64_t unit = resolution.unit == Resolution::Unit::none   ? 1
                        : resolution.unit == Resolution::Unit::inch ? 2
                                                                    : 3;
  set_entry(to, short_entry(resolution_unit, unit));
}

void set_bytes(std::vector<ExifEntry>& to, uint16_t tag, TiffType type, std::span<const uint8_t> bytes) {
  if (!bytes.empty()) set_entry(to, bytes_entry(tag, static_cast<uint16_t>(type), bytes));
}

/// As LONG, which is how Photoshop writes it and what libtiff expects; in a little-endian file the bytes stay
/// in order.
void set_iptc(std::vector<ExifEntry>& to, std::vector<uint8_t> records) {
  if (records.empty()) return;
  records.resize((records.size() + 3) / 4 * 4);
  const uint64_t count = records.size() / 4;
  set_entry(to, {iptc_tag, static_cast<uint16_t>(TiffType::long_), count, 0, std::move(records)});
}

/// The directories of an EXIF block without what was said of another file.
ExifTree described_by(const std::vector<uint8_t>& exif) {
  const std::optional<ExifTree> read = read_exif_tree(MemorySource(std::span(exif)));
  if (!read) return {};
  ExifTree tree = *read;
  tree.thumbnail.clear();
  std::erase_if(tree.image, [](const ExifEntry& entry) {
    const bool resolution =
        entry.tag == x_resolution || entry.tag == y_resolution || entry.tag == resolution_unit;
    return is_structural(entry.tag) && !resolution;
  });
  return tree;
}

}  // namespace

std::shared_ptr<ImageMetadata> read_tiff_metadata(const ByteSource& source, uint64_t directory,
                                                  std::optional<double>& no_data) {
  auto metadata = std::make_shared<ImageMetadata>();
  std::optional<ExifTree> tree = read_exif_tree(source, directory);
  if (!tree) return metadata;
  metadata->icc = value_of(*tree, icc_tag);
  const std::vector<uint8_t> xmp = value_of(*tree, xmp_tag);
  metadata->xmp.assign(xmp.begin(), xmp.end());
  while (!metadata->xmp.empty() && metadata->xmp.back() == '\0') metadata->xmp.pop_back();
  take_photoshop_blocks(value_of(*tree, photoshop_tag), *metadata);
  if (const ExifEntry* const iptc = find_entry(tree->image, iptc_tag)) metadata->iptc = read_iptc(*iptc);
  metadata->resolution = read_resolution(*tree);
  std::erase_if(tree->image, [](const ExifEntry& entry) { return is_structural(entry.tag); });
  metadata->exif = write_exif_block(*tree);
  metadata->georeferenced = is_georeferenced(tree->image);
  no_data = gdal_no_data(tree->image);
  return metadata;
}

ExifTree tiff_description(const StoredPicture& picture) {
  static const ImageMetadata nothing;
  const ImageMetadata& metadata = picture.metadata ? *picture.metadata : nothing;
  ExifTree tree = described_by(metadata.exif);
  for (const auto& [tag, size] :
       {std::pair{exif_width, picture.width}, std::pair{exif_height, picture.height}}) {
    if (find_entry(tree.exif, tag) == nullptr) continue;
    set_entry(tree.exif, numbers_entry(tag, static_cast<uint16_t>(TiffType::long_),
                                       std::array{static_cast<uint64_t>(size)}));
  }
  set_resolution(tree.image, metadata.resolution);
  if (picture.orientation != 1) {
    set_entry(tree.image, short_entry(orientation_tag, static_cast<uint64_t>(picture.orientation)));
  }
  const std::span xmp(reinterpret_cast<const uint8_t*>(metadata.xmp.data()), metadata.xmp.size());
  set_bytes(tree.image, xmp_tag, TiffType::byte, xmp);
  set_bytes(tree.image, photoshop_tag, TiffType::byte, metadata.photoshop);
  set_bytes(tree.image, icc_tag, TiffType::undefined, metadata.icc);
  set_iptc(tree.image, metadata.iptc);
  return tree;
}

}  // namespace esrgan
