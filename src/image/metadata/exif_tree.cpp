#include "image/metadata/exif_tree.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "base/limits.h"
#include "image/metadata/tiff_structure.h"

namespace esrgan {
namespace {

constexpr uint16_t exif_pointer = 34665, gps_pointer = 34853, interoperability_pointer = 40965;
constexpr uint64_t largest_unknown = uint64_t{1} << 20U;

/// Tags whose value is a place in the file, or says how many bytes lie there.
bool points_into_file(uint16_t tag) {
  constexpr std::array<uint16_t, 11> tags = {exif_pointer, gps_pointer, interoperability_pointer,
                                             273,          279,   // strips
                                             324,          325,   // tiles
                                             288,          289,   // free space
                                             330,          400};  // further directories
  return std::find(tags.begin(), tags.end(), tag) != tags.end();
}

bool may_be_large(uint16_t tag) {
  return tag == 700 || tag == 33723 || tag == 34377 || tag == 34675;  // XMP, IPTC, Photoshop, ICC
}

/// Reads a tree's directories. As many fields may claim the same bytes, all values together are bounded too.
class TreeReader {
 public:
  TreeReader(const TiffStructure& structure, uint64_t source_size)
      : structure_(structure), left_(std::min(source_size, limits::metadata_total)) {}

  /// `picture`: the directory describes a picture, so that its samples are left where they are.
  std::vector<ExifEntry> entries(const TiffDirectory& directory, bool picture) {
    std::vector<ExifEntry> result;
    for (const TiffField& field : directory.fields) {
      if (points_into_file(field.tag)) continue;
      const bool bounded = picture && !may_be_large(field.tag);
      const uint64_t most = std::min(left_, bounded ? largest_unknown : limits::metadata_block);
      std::vector<uint8_t> value = structure_.value(field, most);
      if (value.empty()) continue;
      left_ -= value.size();
      result.push_back({field.tag, field.type, field.count, field.offset, std::move(value)});
    }
    return result;
  }

  std::optional<TiffDirectory> follow(const TiffDirectory& from, uint16_t pointer) const {
    const TiffField* const field = from.find(pointer);
    const std::optional<uint64_t> offset = field == nullptr ? std::nullopt : structure_.number(*field);
    return offset ? structure_.directory(*offset) : std::nullopt;
  }

 private:
  const TiffStructure& structure_;
  uint64_t left_;
};

std::optional<ExifTree> read_tree(const ByteSource& source, const TiffStructure& structure,
                                  uint64_t directory, bool with_thumbnail) {
  const std::optional<TiffDirectory> image = structure.directory(directory);
  if (!image) return std::nullopt;
  TreeReader reader(structure, source.size());
  ExifTree tree;
  tree.big_endian = structure.big_endian();
  tree.image = reader.entries(*image, true);
  tree.thumbnail_link = image->next_link;
  std::optional<TiffDirectory> interoperability = reader.follow(*image, interoperability_pointer);
  if (const auto exif = reader.follow(*image, exif_pointer)) {
    tree.exif = reader.entries(*exif, false);
    if (auto inner = reader.follow(*exif, interoperability_pointer)) interoperability = std::move(inner);
  }
  if (interoperability) tree.interoperability = reader.entries(*interoperability, false);
  if (const auto gps = reader.follow(*image, gps_pointer)) tree.gps = reader.entries(*gps, false);
  if (with_thumbnail) {
    if (const auto thumbnail = structure.directory(image->next))
      tree.thumbnail = reader.entries(*thumbnail, true);
  }
  return tree;
}

void put(std::vector<uint8_t>& to, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; ++i) to.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

uint64_t get(std::span<const uint8_t> from, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value |= uint64_t{from[i]} << (8 * i);
  return value;
}

/// BigTIFF's numbers of 64 bits as those of 32 that classic files have; none when one does not fit.
std::optional<ExifEntry> classic(const ExifEntry& entry) {
  const bool is_signed = entry.type == 17;
  ExifEntry result = entry;
  result.type = is_signed ? 9 : entry.type == 18 ? 13 : 4;
  result.value.clear();
  for (size_t i = 0; i < entry.value.size(); i += 8) {
    const uint64_t value = get(std::span(entry.value).subspan(i), 8);
    const auto as_signed = static_cast<int64_t>(value);
    const bool fits = is_signed ? as_signed == static_cast<int32_t>(as_signed) : value <= UINT32_MAX;
    if (!fits) return std::nullopt;
    put(result.value, value, 4);
  }
  return result;
}

/// Sorted, one entry a tag, and only those that can be written.
std::vector<ExifEntry> prepared(std::span<const ExifEntry> entries, bool big) {
  std::vector<ExifEntry> result;
  for (const ExifEntry& entry : entries) {
    const size_t size = tiff_type_size(entry.type);
    if (size == 0 || entry.value.empty() || entry.count != entry.value.size() / size ||
        entry.value.size() % size != 0) {
      continue;
    }
    const bool wide = entry.type >= 16 && entry.type <= 18;
    const std::optional<ExifEntry> usable = wide && !big ? classic(entry) : entry;
    if (usable && usable->count <= (big ? std::numeric_limits<uint64_t>::max() : UINT32_MAX)) {
      result.push_back(*usable);
    }
  }
  std::stable_sort(result.begin(), result.end(),
                   [](const ExifEntry& a, const ExifEntry& b) { return a.tag < b.tag; });
  const auto same = [](const ExifEntry& a, const ExifEntry& b) { return a.tag == b.tag; };
  result.erase(std::unique(result.begin(), result.end(), same), result.end());
  if (result.size() > static_cast<size_t>(limits::exif_entries)) {
    result.resize(static_cast<size_t>(limits::exif_entries));
  }
  return result;
}

/// Of entries that are prepared.
std::vector<uint8_t> lay_out(const std::vector<ExifEntry>& entries, uint64_t at, bool big) {
  const size_t word = big ? 8 : 4;
  const uint64_t table = (big ? 8 : 2) + entries.size() * (4 + 2 * word) + word;
  std::vector<uint8_t> result;
  std::vector<uint8_t> values;
  put(result, entries.size(), big ? 8 : 2);
  for (const ExifEntry& entry : entries) {
    put(result, entry.tag, 2);
    put(result, entry.type, 2);
    put(result, entry.count, word);
    if (entry.value.size() <= word) {
      result.insert(result.end(), entry.value.begin(), entry.value.end());
      put(result, 0, word - entry.value.size());
      continue;
    }
    put(result, at + table + values.size(), word);
    values.insert(values.end(), entry.value.begin(), entry.value.end());
    if (values.size() % 2 != 0) values.push_back(0);
  }
  put(result, 0, word);
  result.insert(result.end(), values.begin(), values.end());
  return result;
}

std::vector<ExifEntry> without_pointers(const std::vector<ExifEntry>& entries) {
  std::vector<ExifEntry> result;
  std::copy_if(entries.begin(), entries.end(), std::back_inserter(result), [](const ExifEntry& entry) {
    return entry.tag != exif_pointer && entry.tag != gps_pointer && entry.tag != interoperability_pointer;
  });
  return result;
}

ExifEntry pointer(uint16_t tag, uint64_t offset, bool big) {
  return numbers_entry(tag, static_cast<uint16_t>(big ? TiffType::ifd8 : TiffType::long_),
                       std::array{offset});
}

/// Lays out a directory whose pointers lead to what is laid out behind it: their values do not change its
/// size. A directory of which nothing can be written is left out.
class TreeWriter {
 public:
  TreeWriter(const ExifTree& tree, bool big)
      : big_(big),
        image_(usable(tree.image)),
        exif_(usable(tree.exif)),
        gps_(usable(tree.gps)),
        interoperability_(usable(tree.interoperability)) {}

  std::vector<uint8_t> image(uint64_t at) const {
    std::vector<ExifEntry> entries = image_;
    if (has_exif()) entries.push_back(pointer(exif_pointer, 0, big_));
    if (!gps_.empty()) entries.push_back(pointer(gps_pointer, 0, big_));
    entries = prepared(entries, big_);
    const uint64_t behind = at + lay_out(entries, at, big_).size();
    const std::vector<uint8_t> exif = has_exif() ? this->exif(behind) : std::vector<uint8_t>{};
    const uint64_t gps_at = behind + exif.size();
    if (has_exif()) set_entry(entries, pointer(exif_pointer, behind, big_));
    if (!gps_.empty()) set_entry(entries, pointer(gps_pointer, gps_at, big_));
    std::vector<uint8_t> result = lay_out(entries, at, big_);
    result.insert(result.end(), exif.begin(), exif.end());
    if (gps_.empty()) return result;
    const std::vector<uint8_t> gps = lay_out(gps_, gps_at, big_);
    result.insert(result.end(), gps.begin(), gps.end());
    return result;
  }

 private:
  std::vector<ExifEntry> usable(const std::vector<ExifEntry>& entries) const {
    return prepared(without_pointers(entries), big_);
  }
  bool has_exif() const { return !exif_.empty() || !interoperability_.empty(); }

  std::vector<uint8_t> exif(uint64_t at) const {
    if (interoperability_.empty()) return lay_out(exif_, at, big_);
    std::vector<ExifEntry> entries = exif_;
    entries.push_back(pointer(interoperability_pointer, 0, big_));
    entries = prepared(entries, big_);
    const uint64_t behind = at + lay_out(entries, at, big_).size();
    set_entry(entries, pointer(interoperability_pointer, behind, big_));
    std::vector<uint8_t> result = lay_out(entries, at, big_);
    const std::vector<uint8_t> inner = lay_out(interoperability_, behind, big_);
    result.insert(result.end(), inner.begin(), inner.end());
    return result;
  }

  bool big_;
  std::vector<ExifEntry> image_, exif_, gps_, interoperability_;
};

}  // namespace

std::optional<ExifTree> read_exif_tree(const ByteSource& source) {
  const std::optional<TiffStructure> structure = TiffStructure::open(source);
  if (!structure) return std::nullopt;
  return read_tree(source, *structure, structure->first_directory(), true);
}

std::optional<ExifTree> read_exif_tree(const ByteSource& source, uint64_t directory) {
  const std::optional<TiffStructure> structure = TiffStructure::open(source);
  if (!structure) return std::nullopt;
  return read_tree(source, *structure, directory, false);
}

const ExifEntry* find_entry(std::span<const ExifEntry> entries, uint16_t tag) {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [tag](const ExifEntry& entry) { return entry.tag == tag; });
  return found == entries.end() ? nullptr : &*found;
}

void set_entry(std::vector<ExifEntry>& entries, ExifEntry entry) {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const ExifEntry& other) { return other.tag == entry.tag; });
  if (found == entries.end()) {
    entries.push_back(std::move(entry));
  } else {
    *found = std::move(entry);
  }
}

ExifEntry numbers_entry(uint16_t tag, uint16_t type, std::span<const uint64_t> values) {
  ExifEntry entry{tag, type, values.size(), 0, {}};
  for (const uint64_t value : values) put(entry.value, value, tiff_type_size(type));
  return entry;
}

ExifEntry bytes_entry(uint16_t tag, uint16_t type, std::span<const uint8_t> bytes) {
  return {tag, type, bytes.size(), 0, std::vector<uint8_t>(bytes.begin(), bytes.end())};
}

std::vector<uint8_t> write_exif_block(const ExifTree& tree) {
  std::vector<uint8_t> block = {'I', 'I', 42, 0, 8, 0, 0, 0};
  const std::vector<uint8_t> directories = lay_out_tree(tree, block.size());
  const bool is_empty = get(directories, 2) == 0;
  if (is_empty || directories.size() > UINT32_MAX - block.size()) return {};
  block.insert(block.end(), directories.begin(), directories.end());
  return block;
}

std::vector<uint8_t> lay_out_directory(std::span<const ExifEntry> entries, uint64_t at, bool big) {
  return lay_out(prepared(entries, big), at, big);
}

std::vector<uint8_t> lay_out_tree(const ExifTree& tree, uint64_t at, bool big) {
  return TreeWriter(tree, big).image(at);
}

size_t directory_link(std::span<const uint8_t> laid_out, bool big) {
  const auto entries = static_cast<size_t>(get(laid_out, big ? 8 : 2));
  return (big ? 8 : 2) + entries * (big ? 20 : 12);
}

}  // namespace esrgan
