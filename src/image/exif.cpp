#include "image/exif.h"

#include <esrgan/error.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <limits>
#include <utility>

#include "base/memory_sink.h"
#include "base/memory_source.h"
#include "base/unicode.h"
#include "image/codecs/jpeg.h"
#include "image/metadata/exif_patch.h"
#include "image/metadata/exif_tree.h"
#include "image/metadata/resolution.h"

namespace esrgan {
namespace {

// Tags of EXIF 2.32 and TIFF 6.
constexpr uint16_t tag_width = 256, tag_height = 257, tag_orientation = 274, tag_thumbnail = 513,
                   tag_thumbnail_bytes = 514, tag_pixels_x = 40962, tag_pixels_y = 40963,
                   tag_resolution_x = 282, tag_resolution_y = 283, tag_resolution_unit = 296,
                   tag_exif_directory = 34665, tag_user_comment = 37510;
constexpr uint32_t unit_none = 1, unit_inch = 2, unit_centimetre = 3;  // of a resolution

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
  if (picture.width > largest || picture.height > largest)
    throw Error(ErrorKind::unsupported, "thumbnail", "is too large");
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

void swap_resolution(const ExifTree& tree, BlockPatch& patch) {
  const ExifEntry *x = find_entry(tree.image, tag_resolution_x),
                  *y = find_entry(tree.image, tag_resolution_y);
  if (!is_rational(x) || !is_rational(y)) return;
  const std::array<uint32_t, 2> of_x = parts_of(*x);
  patch.set(x, parts_of(*y));
  patch.set(y, of_x);
}

bool same_tags(std::span<const ExifEntry> a, std::span<const ExifEntry> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const ExifEntry& one, const ExifEntry& other) { return one.tag == other.tag; });
}

/// False when the change has spoiled something else, as the parts of a damaged block may lie over each other.
template <class Change>
bool try_change(std::vector<uint8_t>& block, const Change& change) {
  const auto before = block.empty() ? std::nullopt : read_exif_tree(MemorySource(block));
  if (!before) return true;
  BlockPatch patch(block, before->big_endian);
  change(*before, patch, block);
  const auto after = read_exif_tree(MemorySource(block));
  return patch.stands() && after && same_tags(before->image, after->image) &&
         same_tags(before->exif, after->exif) && same_tags(before->gps, after->gps) &&
         same_tags(before->interoperability, after->interoperability);
}

/// Changes a block where it stands. One whose parts lie over each other is written anew for that, each part
/// at a place of its own. `change` is called with the tree, a patch of the block and the block.
template <class Change>
void change_block(std::vector<uint8_t>& block, const Change& change) {
  std::vector<uint8_t> changed = block;
  if (!try_change(changed, change)) {
    const auto tree = read_exif_tree(MemorySource(block));
    changed = tree ? write_exif_block(*tree) : std::vector<uint8_t>{};
    try_change(changed, change);
  }
  block = std::move(changed);
}

/// Of a block that entries can be added to, which is made when there is none; in the order of bytes that is
/// usual for texts in UTF-16 then. Nothing when the block is damaged.
std::optional<ExifTree> open_for_more(std::vector<uint8_t>& exif) {
  if (exif.empty()) {
    exif = {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0};  // with one directory that is empty
    ExifTree tree;
    tree.big_endian = true;
    return tree;
  }
  constexpr uint8_t classic = 42;
  if (exif.size() < 8 || (exif[2] != classic && exif[3] != classic)) return std::nullopt;
  return read_exif_tree(MemorySource(exif));
}

/// In the form of EXIF's comments; empty when the text is not UTF-8.
std::vector<uint8_t> comment_bytes(std::string_view text) {
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
  return bytes;
}

}  // namespace

int orientation_of(const ImageMetadata& metadata) {
  if (metadata.exif.empty()) return 1;
  const auto tree = read_exif_tree(MemorySource(metadata.exif));
  const ExifEntry* entry = tree ? find_entry(tree->image, tag_orientation) : nullptr;
  if (entry == nullptr || !is_number(entry)) return 1;
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
  change_block(metadata.exif, [&](const ExifTree& tree, BlockPatch& patch, std::vector<uint8_t>& block) {
    patch.set(find_entry(tree.image, tag_orientation), 1);
    if (orientation >= 5) swap_resolution(tree, patch);
    turn_thumbnail(block, tree, patch, orientation);
  });
}

void set_picture_size(ImageMetadata& metadata, int width, int height) {
  const auto w = static_cast<uint32_t>(width), h = static_cast<uint32_t>(height);
  set_property(metadata.xmp, "tiff:Orientation", "1");
  for (const char* property : {"tiff:ImageWidth", "exif:PixelXDimension"})
    set_property(metadata.xmp, property, std::to_string(width));
  for (const char* property : {"tiff:ImageLength", "exif:PixelYDimension"})
    set_property(metadata.xmp, property, std::to_string(height));
  change_block(metadata.exif, [&](const ExifTree& tree, BlockPatch& patch, std::vector<uint8_t>&) {
    patch.set(find_entry(tree.image, tag_width), w);
    patch.set(find_entry(tree.image, tag_height), h);
    patch.set(find_entry(tree.exif, tag_pixels_x), w);
    patch.set(find_entry(tree.exif, tag_pixels_y), h);
  });
}

Resolution exif_resolution(const ImageMetadata& metadata) {
  const auto tree = metadata.exif.empty() ? std::nullopt : read_exif_tree(MemorySource(metadata.exif));
  if (!tree) return {};
  const ExifEntry* entry = find_entry(tree->image, tag_resolution_unit);
  const uint32_t unit = is_number(entry) ? number_of(*entry) : unit_inch;
  const double x = ratio_of(find_entry(tree->image, tag_resolution_x)),
               y = ratio_of(find_entry(tree->image, tag_resolution_y));
  if (!(x > 0 && y > 0) || (unit == unit_none && x == y)) return {};
  return {x, y,
          unit == unit_none         ? Resolution::Unit::none
          : unit == unit_centimetre ? Resolution::Unit::centimetre
                                    : Resolution::Unit::inch};
}

void set_exif_resolution(ImageMetadata& metadata, double dots_per_inch) {
  const std::array<uint32_t, 2> parts = fraction(dots_per_inch);
  const std::string ratio = std::to_string(parts[0]) + "/" + std::to_string(parts[1]);
  for (const char* property : {"tiff:XResolution", "tiff:YResolution"})
    set_property(metadata.xmp, property, ratio);
  set_property(metadata.xmp, "tiff:ResolutionUnit", std::to_string(unit_inch));
  change_block(metadata.exif, [&](const ExifTree& tree, BlockPatch& patch, std::vector<uint8_t>&) {
    for (const uint16_t tag : {tag_resolution_x, tag_resolution_y})
      patch.set(find_entry(tree.image, tag), parts);
    patch.set(find_entry(tree.image, tag_resolution_unit), unit_inch);
  });
}

bool put_resolution_into_exif(ImageMetadata& metadata, const Resolution& resolution) {
  const std::optional<ExifTree> tree = open_for_more(metadata.exif);
  if (!tree) return false;
  const Resolution r = in_unit(resolution, Resolution::Unit::inch);
  const uint32_t unit = r.unit == Resolution::Unit::none ? unit_none : unit_inch;
  const std::array wanted{rational_entry(tag_resolution_x, r.x), rational_entry(tag_resolution_y, r.y),
                          numbers_entry(tag_resolution_unit, exif_short, std::array{uint64_t{unit}})};
  std::vector<ExifEntry> missing;
  for (const ExifEntry& entry : wanted)
    if (find_entry(tree->image, entry.tag) == nullptr) missing.push_back(entry);
  if (!missing.empty() && !BlockPatch(metadata.exif, tree->big_endian).add(BlockPatch::first_link, missing))
    return false;
  change_block(metadata.exif, [&](const ExifTree& with_all, BlockPatch& patch, std::vector<uint8_t>&) {
    for (const ExifEntry& entry : wanted)
      if (is_rational(&entry))
        patch.set(find_entry(with_all.image, entry.tag), parts_of(entry));
      else
        patch.set(find_entry(with_all.image, entry.tag), unit);
  });
  return true;
}

bool add_user_comment(ImageMetadata& metadata, std::string_view text) {
  const std::vector<uint8_t> bytes = comment_bytes(text);
  if (bytes.empty()) return false;
  std::vector<uint8_t> block = metadata.exif;
  const std::optional<ExifTree> tree = open_for_more(block);
  if (!tree || find_entry(tree->exif, tag_user_comment) != nullptr) return false;
  BlockPatch patch(block, tree->big_endian);
  if (patch.find_pointer(tag_exif_directory) == 0) {
    constexpr uint64_t empty_directory = 2 + 4;
    const uint64_t at = patch.append(empty_directory);
    const ExifEntry pointer = numbers_entry(tag_exif_directory, exif_long, std::array{at});
    if (!patch.add(BlockPatch::first_link, std::span(&pointer, 1))) return false;
  }
  const ExifEntry comment = bytes_entry(tag_user_comment, exif_undefined, bytes);
  if (!patch.add(patch.find_pointer(tag_exif_directory), std::span(&comment, 1))) return false;
  const std::optional<ExifTree> result = read_exif_tree(MemorySource(block));  // the pointer may be damaged
  if (!result || find_entry(result->exif, tag_user_comment) == nullptr) return false;
  metadata.exif = std::move(block);
  return true;
}

bool has_thumbnail(const ImageMetadata& metadata) {
  const auto tree = metadata.exif.empty() ? std::nullopt : read_exif_tree(MemorySource(metadata.exif));
  return tree && !tree->thumbnail.empty();
}

bool is_exif(const std::vector<uint8_t>& block) {
  return read_exif_tree(MemorySource(block)).has_value();
}

void shrink_exif(ImageMetadata& metadata, size_t most) {
  std::optional<ExifTree> tree = read_exif_tree(MemorySource(metadata.exif));
  metadata.exif.clear();
  if (!tree) return;
  const std::array directories{&tree->image, &tree->exif, &tree->gps, &tree->interoperability};
  constexpr size_t frame = 128,
                   of_entry = 12 + 1;  // header, ends of directories, pointers; an odd value's zero
  std::vector<size_t> sizes;
  size_t bytes = frame;
  for (const auto* entries : directories)
    for (const ExifEntry& entry : *entries) {
      sizes.push_back(entry.value.size());
      bytes += of_entry + entry.value.size();
    }
  std::sort(sizes.begin(), sizes.end(), std::greater<>());
  size_t too_large = std::numeric_limits<size_t>::max();
  for (size_t i = 0; i < sizes.size() && bytes > most; ++i) {
    bytes -= of_entry + sizes[i];
    too_large = sizes[i];
  }
  for (auto* entries : directories)
    std::erase_if(*entries, [&](const ExifEntry& entry) { return entry.value.size() >= too_large; });
  metadata.exif = write_exif_block(*tree);
}

}  // namespace esrgan
