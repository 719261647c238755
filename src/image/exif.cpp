#include "image/exif.h"

#include <esrgan/error.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <utility>

#include "base/memory_sink.h"
#include "base/memory_source.h"
#include "base/unicode.h"
#include "image/codecs/jpeg.h"
#include "image/exif_tree.h"

namespace esrgan {
namespace {

// Tags of EXIF 2.32 and TIFF 6.
constexpr uint16_t tag_width = 256, tag_height = 257, tag_orientation = 274, tag_thumbnail = 513,
                   tag_thumbnail_bytes = 514, tag_pixels_x = 40962, tag_pixels_y = 40963,
                   tag_resolution_x = 282, tag_resolution_y = 283, tag_resolution_unit = 296,
                   tag_user_comment = 37510;
constexpr uint16_t type_short = 3, type_long = 4, type_rational = 5, type_undefined = 7;

uint32_t number_of(const ExifEntry& entry) {
  uint32_t number = 0;
  std::memcpy(&number, entry.value.data(), std::min<size_t>(sizeof number, entry.value.size()));
  return number;
}

bool is_number(const ExifEntry* entry) {
  return entry != nullptr && entry->count == 1 && (entry->type == type_short || entry->type == type_long);
}

/// Changes an EXIF block where it stands: everything else, maker notes above all, keeps its place.
class BlockPatch {
 public:
  BlockPatch(std::vector<uint8_t>& block, bool big_endian) : block_(block), big_endian_(big_endian) {}

  /// A number that stands in its entry becomes a LONG.
  void set(const ExifEntry* entry, uint32_t value) {
    constexpr size_t from_value_to_type = 6;  // a type, a count of four bytes
    if (!is_number(entry) || entry->offset < from_value_to_type || entry->offset + 4 > block_.size()) return;
    put(entry->offset - from_value_to_type, type_long, 2);
    put(entry->offset, value, 4);
  }
  void put(uint64_t at, uint32_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i)
      block_[static_cast<size_t>(at) + i] =
          static_cast<uint8_t>(value >> (8 * (big_endian_ ? bytes - 1 - i : i)));
  }

 private:
  std::vector<uint8_t>& block_;
  bool big_endian_;
};

bool is_rational(const ExifEntry* entry) {
  return entry != nullptr && entry->type == type_rational && entry->count == 1 && entry->value.size() == 8;
}

double ratio_of(const ExifEntry* entry) {
  if (!is_rational(entry)) return 0;
  std::array<uint32_t, 2> parts{};
  std::memcpy(parts.data(), entry->value.data(), sizeof parts);
  return parts[1] == 0 ? 0 : static_cast<double>(parts[0]) / parts[1];
}

/// UTF-16, the higher byte first.
void put_utf16(std::vector<uint8_t>& to, char32_t character) {
  const auto put = [&](uint32_t unit) {
    to.push_back(static_cast<uint8_t>(unit >> 8U));
    to.push_back(static_cast<uint8_t>(unit));
  };
  if (character < 0x10000) return put(character);
  put(0xD800U + ((character - 0x10000U) >> 10U));
  put(0xDC00U + ((character - 0x10000U) & 0x3FFU));
}

Image decoded(std::span<const uint8_t> jpeg) {
  const auto decoder = open_jpeg(std::make_shared<MemorySource>(jpeg, "thumbnail"));
  const StoredPicture& picture = decoder->picture();
  constexpr int largest = 1024;  // the whole block has 64 KiB
  if (picture.width > largest || picture.height > largest) throw Error("thumbnail", "is too large");
  Image image{{picture.width, picture.height, picture.channels, SampleType::u8, {}, nullptr}, {}};
  image.samples.resize(image.info.bytes());
  decoder->read(picture.height, image.samples.data());
  return image;
}

std::vector<uint8_t> encoded(const Image& image, int quality) {
  MemorySink sink("thumbnail");
  EncodeOptions options;
  options.quality = quality;
  const auto encoder = create_jpeg(sink, options);
  StoredPicture picture;
  picture.width = image.info.width;
  picture.height = image.info.height;
  picture.channels = image.info.channels;
  encoder->begin(picture);
  encoder->write(image.samples.data(), image.info.height);
  encoder->end();
  encoder->finish();
  return sink.bytes();
}

/// The thumbnail turned, in no more bytes than it has; empty when that cannot be.
std::vector<uint8_t> turned_thumbnail(std::span<const uint8_t> jpeg, int orientation) {
  try {
    Image image = decoded(jpeg);
    apply_orientation(image, orientation);
    for (const int quality : {85, 70, 50, 30}) {
      std::vector<uint8_t> turned = encoded(image, quality);
      if (turned.size() <= jpeg.size()) return turned;
    }
  } catch (const Error&) {  // it is damaged: then it is of no use either
  }
  return {};
}

void turn_thumbnail(std::vector<uint8_t>& block, const ExifTree& tree, BlockPatch& patch, int orientation) {
  if (tree.thumbnail.empty()) return;
  patch.set(find_entry(tree.thumbnail, tag_orientation), 1);
  const ExifEntry* start = find_entry(tree.thumbnail, tag_thumbnail);
  const ExifEntry* length = find_entry(tree.thumbnail, tag_thumbnail_bytes);
  std::vector<uint8_t> turned;
  if (is_number(start) && is_number(length) && number_of(*start) < block.size() &&
      number_of(*length) <= block.size() - number_of(*start))
    turned = turned_thumbnail(std::span(block).subspan(number_of(*start), number_of(*length)), orientation);
  if (turned.empty()) {
    if (tree.thumbnail_link != 0) patch.put(tree.thumbnail_link, 0, 4);
    return;
  }
  std::copy(turned.begin(), turned.end(), block.begin() + static_cast<ptrdiff_t>(number_of(*start)));
  patch.set(length, static_cast<uint32_t>(turned.size()));
}

/// Every value of an XMP property, written as an attribute or as an element.
void set_property(std::string& xmp, const std::string& property, const std::string& value) {
  // Into a new packet: to move the rest for each value would take the square of their number.
  const auto replace = [&](const std::string& before, char after) {
    std::string changed;
    size_t copied = 0;
    for (size_t at = xmp.find(before); at != std::string::npos; at = xmp.find(before, copied)) {
      const size_t begin = at + before.size(), end = xmp.find(after, begin);
      if (end == std::string::npos) break;
      changed.append(xmp, copied, begin - copied).append(value);
      copied = end;
    }
    if (copied != 0) xmp = changed.append(xmp, copied);
  };
  replace(property + "=\"", '"');
  replace(property + "='", '\'');
  replace("<" + property + ">", '<');
}

}  // namespace

int orientation_of(const ImageMetadata& metadata) {
  if (metadata.exif.empty()) return 1;
  const auto tree = read_exif_tree(MemorySource(metadata.exif));
  const ExifEntry* entry = tree ? find_entry(tree->image, tag_orientation) : nullptr;
  if (!is_number(entry)) return 1;
  const uint32_t value = number_of(*entry);
  return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
}

void apply_orientation(Image& image, int orientation) {
  if (orientation == 1) return;
  const ImageInfo& i = image.info;
  const bool transposed = orientation >= 5;
  const size_t pixel = static_cast<size_t>(i.channels) * size_of(i.type);
  Image turned{i, std::vector<std::byte>(image.samples.size())};
  if (transposed) std::swap(turned.info.width, turned.info.height);
  for (int y = 0; y < turned.info.height; ++y)
    for (int x = 0; x < turned.info.width; ++x) {
      int sx = transposed ? y : x, sy = transposed ? x : y;
      // Of the stored picture: 2 and 3 are mirrored left to right, 3 and 4 top to bottom; 5 to 8 transposed
      // as well.
      if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) sx = i.width - 1 - sx;
      if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7)
        sy = i.height - 1 - sy;
      const size_t from =
          (static_cast<size_t>(sy) * static_cast<size_t>(i.width) + static_cast<size_t>(sx)) * pixel;
      const size_t to =
          (static_cast<size_t>(y) * static_cast<size_t>(turned.info.width) + static_cast<size_t>(x)) * pixel;
      std::memcpy(turned.samples.data() + to, image.samples.data() + from, pixel);
    }
  image = std::move(turned);
}

void reset_orientation(ImageMetadata& metadata, int orientation) {
  if (orientation == 1) return;
  set_property(metadata.xmp, "tiff:Orientation", "1");
  if (orientation >= 5) std::swap(metadata.resolution.x, metadata.resolution.y);
  const auto tree = metadata.exif.empty() ? std::nullopt : read_exif_tree(MemorySource(metadata.exif));
  if (!tree) return;
  BlockPatch patch(metadata.exif, tree->big_endian);
  patch.set(find_entry(tree->image, tag_orientation), 1);
  turn_thumbnail(metadata.exif, *tree, patch, orientation);
}

void set_picture_size(ImageMetadata& metadata, int width, int height) {
  const auto w = static_cast<uint32_t>(width), h = static_cast<uint32_t>(height);
  for (const char* property : {"tiff:ImageWidth", "exif:PixelXDimension"})
    set_property(metadata.xmp, property, std::to_string(width));
  for (const char* property : {"tiff:ImageLength", "exif:PixelYDimension"})
    set_property(metadata.xmp, property, std::to_string(height));
  const auto tree = metadata.exif.empty() ? std::nullopt : read_exif_tree(MemorySource(metadata.exif));
  if (!tree) return;
  BlockPatch patch(metadata.exif, tree->big_endian);
  patch.set(find_entry(tree->image, tag_width), w);
  patch.set(find_entry(tree->image, tag_height), h);
  patch.set(find_entry(tree->exif, tag_pixels_x), w);
  patch.set(find_entry(tree->exif, tag_pixels_y), h);
}

Resolution exif_resolution(const ImageMetadata& metadata) {
  const auto tree = metadata.exif.empty() ? std::nullopt : read_exif_tree(MemorySource(metadata.exif));
  if (!tree) return {};
  const ExifEntry* unit = find_entry(tree->image, tag_resolution_unit);
  constexpr uint32_t centimetres = 3;
  const bool metric = is_number(unit) && number_of(*unit) == centimetres;
  const double x = ratio_of(find_entry(tree->image, tag_resolution_x)),
               y = ratio_of(find_entry(tree->image, tag_resolution_y));
  if (!(x > 0 && y > 0)) return {};
  return {x, y, metric ? Resolution::Unit::centimetre : Resolution::Unit::inch};
}

void set_exif_resolution(ImageMetadata& metadata, double dots_per_inch) {
  const auto tree = metadata.exif.empty() ? std::nullopt : read_exif_tree(MemorySource(metadata.exif));
  if (!tree) return;
  constexpr uint32_t inches = 2, parts = 100;
  BlockPatch patch(metadata.exif, tree->big_endian);
  for (const uint16_t tag : {tag_resolution_x, tag_resolution_y}) {
    const ExifEntry* entry = find_entry(tree->image, tag);
    if (!is_rational(entry) || entry->offset + 8 > metadata.exif.size()) continue;
    patch.put(entry->offset, static_cast<uint32_t>(std::lround(dots_per_inch * parts)), 4);
    patch.put(entry->offset + 4, parts, 4);
  }
  patch.set(find_entry(tree->image, tag_resolution_unit), inches);
}

std::vector<uint8_t> exif_with_comment(std::string_view text) {
  using namespace std::string_view_literals;
  constexpr std::string_view code = "UNICODE\0"sv;
  std::vector<uint8_t> bytes(code.begin(), code.end());
  while (!text.empty()) {
    const size_t length = utf8_character(text);
    if (length == 0) return {};
    const auto first = static_cast<uint8_t>(text[0]);
    char32_t character = length == 1 ? first : first & (0x7FU >> length);
    for (size_t i = 1; i < length; ++i) character = character << 6U | (static_cast<uint8_t>(text[i]) & 0x3FU);
    put_utf16(bytes, character);
    text.remove_prefix(length);
  }
  ExifTree tree;
  tree.exif.push_back(bytes_entry(tag_user_comment, type_undefined, bytes));
  return write_exif_block(tree);
}

}  // namespace esrgan
