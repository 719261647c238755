// The boxes of a HEIF file (ISO/IEC 14496-12 and 23008-12) as far as they say what a picture is made of.
#include <algorithm>
#include <map>
#include <span>
#include <vector>

#include "image/codecs/modules/heif.h"
#include "image/codecs/modules/module.h"

namespace esrgan::heif_module {
namespace {

constexpr uint32_t name(const char (&letters)[5]) {
  uint32_t value = 0;
  for (int at = 0; at < 4; ++at) value = (value << 8U) | static_cast<uint8_t>(letters[at]);
  return value;
}

constexpr int most_boxes = 10'000;  ///< beside each other at the outermost level
constexpr uint64_t most_uses = 4;   ///< of a byte of the file by items, on average

/// Reads on in the content of a box.
class Cursor {
 public:
  Cursor(std::span<const uint8_t> bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  bool at_end() const { return bytes_.empty(); }
  const std::string& file() const { return file_; }
  std::span<const uint8_t> rest() const { return bytes_; }

  uint64_t number(size_t count) {
    uint64_t value = 0;
    for (const uint8_t byte : take(count)) value = (value << 8U) | byte;
    return value;
  }
  uint32_t u32() { return static_cast<uint32_t>(number(4)); }

  /// The version of a "full box", whose flags go to `flags`.
  unsigned version(uint32_t* flags = nullptr) {
    const uint32_t both = u32();
    if (flags != nullptr) *flags = both & 0xFFFFFFU;
    return both >> 24U;
  }

  struct Box;
  Box box();

 private:
  std::span<const uint8_t> take(size_t count) {
    if (count > bytes_.size()) throw Error(ErrorKind::bad_data, file_, "box of the HEIF file is cut off");
    const auto taken = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return taken;
  }

  std::span<const uint8_t> bytes_;
  const std::string& file_;
};

struct Cursor::Box {
  uint32_t type;
  Cursor content;
};

Cursor::Box Cursor::box() {
  uint64_t size = u32(), header = 8;
  const uint32_t type = u32();
  if (size == 1) {
    size = number(8);
    header = 16;
  } else if (size == 0) {
    size = bytes_.size() + header;
  }
  if (size < header) throw Error(ErrorKind::bad_data, file_, "box of the HEIF file is too short");
  if (size - header > bytes_.size())
    throw Error(ErrorKind::bad_data, file_, "box of the HEIF file is cut off");
  return {type, Cursor(take(static_cast<size_t>(size - header)), file_)};
}

struct Item {
  uint32_t type = 0;
  std::vector<size_t> properties;   ///< from 1 on
  std::vector<uint32_t> made_of;    ///< "dimg"
  std::vector<uint32_t> auxiliary;  ///< that say "auxl" of this one
};

struct Property {
  uint32_t type = 0;
  bool gray = false;
};

class Boxes {
 public:
  Boxes(Cursor meta, uint64_t file_size) : file_(meta.file()), file_size_(file_size) {
    meta.version();
    while (!meta.at_end()) {
      auto [type, content] = meta.box();
      if (type == name("pitm"))
        primary_ = static_cast<uint32_t>(content.number(content.version() == 0 ? 2 : 4));
      if (type == name("iinf")) read_items(content);
      if (type == name("iref")) read_references(content);
      if (type == name("iprp")) read_properties(content);
      if (type == name("iloc")) check_locations(content);
    }
  }

  Structure structure() const {
    const auto& shown = item(primary_);
    Structure structure;
    structure.gray = check_made(shown);
    structure.is_grid = shown.type == name("grid");
    for (const uint32_t id : shown.auxiliary) {
      const auto& other = item(id);
      if (!is_picture(other)) continue;
      if (!other.auxiliary.empty())
        throw Error(ErrorKind::unsupported, file_,
                    "auxiliary picture of an auxiliary picture in the HEIF file");
      check_made(other);
    }
    return structure;
  }

 private:
  static bool is_coded(const Item& item) { return item.type == name("hvc1") || item.type == name("av01"); }
  static bool is_picture(const Item& item) {
    return is_coded(item) || item.type == name("grid") || item.type == name("iden") ||
           item.type == name("iovl");
  }

  const Item& item(uint32_t id) const {
    const auto found = items_.find(id);
    if (found == items_.end()) throw Error(ErrorKind::bad_data, file_, "picture is missing in the HEIF file");
    return found->second;
  }

  /// That it is coded or a grid of coded ones; whether it is gray.
  bool check_made(const Item& picture) const {
    if (is_coded(picture)) return is_gray(picture);
    if (picture.type != name("grid")) {
      std::string found;
      for (unsigned shift = 24; found.size() < 4; shift -= 8) {
        const auto letter = static_cast<char>((picture.type >> shift) & 0xFFU);
        found += letter >= ' ' && letter <= '~' ? letter : '?';
      }
      throw Error(ErrorKind::unsupported, file_, "picture of the HEIF file is of an unsupported kind",
                  "hvc1, av01 or grid", found);
    }
    if (picture.made_of.empty())
      throw Error(ErrorKind::bad_data, file_, "grid of the HEIF file has no tiles");
    bool gray = true;
    for (const uint32_t id : picture.made_of) {
      const auto& tile = item(id);
      if (!is_coded(tile))
        throw Error(ErrorKind::unsupported, file_, "tile of the HEIF file is of an unsupported kind",
                    "hvc1 or av01");
      if (!tile.auxiliary.empty())
        throw Error(ErrorKind::unsupported, file_, "tiles of the HEIF file have auxiliary pictures");
      gray = gray && is_gray(tile);
    }
    return gray;
  }

  bool is_gray(const Item& picture) const {
    const uint32_t configuration = picture.type == name("hvc1") ? name("hvcC") : name("av1C");
    return std::any_of(picture.properties.begin(), picture.properties.end(), [&](size_t index) {
      if (index < 1 || index > properties_.size()) return false;
      const auto& property = properties_[index - 1];
      return property.type == configuration && property.gray;
    });
  }

  void read_items(Cursor content) {
    content.number(content.version() == 0 ? 2 : 4);
    while (!content.at_end()) {
      auto [type, entry] = content.box();
      if (type != name("infe")) continue;
      const unsigned version = entry.version();
      if (version < 2) continue;  // items without a type
      const auto id = static_cast<uint32_t>(entry.number(version == 2 ? 2 : 4));
      entry.number(2);  // protection
      items_[id].type = entry.u32();
    }
  }

  void read_references(Cursor content) {
    const size_t id_bytes = content.version() == 0 ? 2 : 4;
    while (!content.at_end()) {
      auto [type, reference] = content.box();
      const auto from = static_cast<uint32_t>(reference.number(id_bytes));
      const uint64_t count = reference.number(2);
      for (uint64_t at = 0; at < count; ++at) {
        const auto to = static_cast<uint32_t>(reference.number(id_bytes));
        if (type == name("dimg")) items_[from].made_of.push_back(to);
        if (type == name("auxl")) items_[to].auxiliary.push_back(from);
      }
    }
  }

  /// That items do not use the same bytes over and over: libheif reads them all.
  void check_locations(Cursor content) const {
    const unsigned version = content.version();
    const uint64_t sizes = content.number(2);
    const uint64_t offset_bytes = sizes >> 12U, length_bytes = (sizes >> 8U) & 15U,
                   base_bytes = (sizes >> 4U) & 15U;
    const uint64_t index_bytes = version == 1 || version == 2 ? sizes & 15U : 0;
    if (std::max({offset_bytes, length_bytes, base_bytes, index_bytes}) > 8) {
      throw Error(ErrorKind::bad_data, file_, "locations in the HEIF file have an unknown form");
    }
    const uint64_t items = content.number(version < 2 ? 2 : 4);
    uint64_t used = 0;
    for (uint64_t at = 0; at < items; ++at) {
      content.number(version < 2 ? 2 : 4);
      if (version == 1 || version == 2) content.number(2);  // construction method
      content.number(2);                                    // data reference
      content.number(base_bytes);
      const uint64_t extents = content.number(2);
      for (uint64_t extent = 0; extent < extents; ++extent) {
        content.number(index_bytes);
        content.number(offset_bytes);
        const uint64_t length = content.number(length_bytes);
        if (length > file_size_)
          throw Error(ErrorKind::bad_data, file_, "item of the HEIF file is longer than the file");
        used += length;
      }
    }
    if (used / most_uses > file_size_)
      throw Error(ErrorKind::bad_data, file_, "items of the HEIF file overlap");
  }

  void read_properties(Cursor content) {
    while (!content.at_end()) {
      auto [type, inner] = content.box();
      if (type == name("ipco")) read_containers(inner);
      if (type == name("ipma")) read_associations(inner);
    }
  }

  void read_containers(Cursor content) {
    while (!content.at_end()) {
      const auto [type, inner] = content.box();
      const auto bytes = inner.rest();
      // HEVCDecoderConfigurationRecord: chroma_format_idc; AV1CodecConfigurationRecord: monochrome.
      const bool gray = (type == name("hvcC") && bytes.size() > 16 && (bytes[16] & 3U) == 0) ||
                        (type == name("av1C") && bytes.size() > 2 && (bytes[2] & 0x10U) != 0);
      properties_.push_back({type, gray});
    }
  }

  void read_associations(Cursor content) {
    uint32_t flags = 0;
    const unsigned version = content.version(&flags);
    const bool wide = (flags & 1U) != 0;
    const uint32_t entries = content.u32();
    for (uint32_t entry = 0; entry < entries; ++entry) {
      const auto id = static_cast<uint32_t>(content.number(version == 0 ? 2 : 4));
      const uint64_t count = content.number(1);
      for (uint64_t at = 0; at < count; ++at) {
        items_[id].properties.push_back(content.number(wide ? 2 : 1) & (wide ? 0x7FFFU : 0x7FU));
      }
    }
  }

  const std::string& file_;
  uint64_t file_size_;
  uint32_t primary_ = 0;
  std::map<uint32_t, Item> items_;
  std::vector<Property> properties_;
};

std::vector<uint8_t> read_bytes(const ByteSource& source, uint64_t offset, uint64_t count) {
  std::vector<uint8_t> bytes(static_cast<size_t>(count));
  if (!bytes.empty()) bytes.resize(source.read_at(offset, bytes));
  return bytes;
}

}  // namespace

Structure read_structure(const ByteSource& source) {
  uint64_t offset = 0;
  for (int boxes = 0; boxes < most_boxes; ++boxes) {
    const auto head = read_bytes(source, offset, 16);
    if (head.empty()) break;
    Cursor cursor(head, source.name());
    uint64_t size = cursor.u32(), header = 8;
    const uint32_t type = cursor.u32();
    if (size == 1) {
      size = cursor.number(8);
      header = 16;
    } else if (size == 0) {
      size = source.size() - offset;
    }
    if (size < header || size > source.size() - offset)
      throw Error(ErrorKind::bad_data, source.name(), "HEIF file is cut off");
    if (type == name("meta")) {
      if (size > limits::metadata_block)
        throw Error(ErrorKind::bad_data, source.name(), "meta box of the HEIF file is too long");
      const auto bytes = read_bytes(source, offset + header, size - header);
      return Boxes(Cursor(bytes, source.name()), source.size()).structure();
    }
    offset += size;
  }
  throw Error(ErrorKind::bad_data, source.name(), "HEIF file has no meta box");
}

}  // namespace esrgan::heif_module
