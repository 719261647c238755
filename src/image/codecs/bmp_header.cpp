#include "image/codecs/bmp_header.h"

#include <esrgan/error.h>

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "base/limits.h"

namespace esrgan {
namespace {

// Sizes of the header that follows the file's own, which has 14 bytes. They tell its kind.
constexpr size_t file_header = 14;
constexpr size_t core_header = 12;   // OS/2 1
constexpr size_t info_header = 40;   // Windows 3
constexpr size_t os2_header = 64;    // OS/2 2
constexpr size_t masks_header = 52;  // with the masks of three colours
constexpr size_t alpha_header = 56;  // and that of alpha
constexpr size_t v4_header = 108, v5_header = 124;

// Kinds of compression.
constexpr uint32_t plain = 0, runs_of_8 = 1, runs_of_4 = 2, bit_fields = 3, jpeg = 4, png = 5,
                   alpha_fields = 6;

// Kinds of colour space: letters, read as a number.
constexpr uint32_t srgb = 0x73524742, linked_profile = 0x4C494E4B, embedded_profile = 0x4D424544;

/// The beginning of the file; zeros beyond its end.
class Fields {
 public:
  explicit Fields(const ByteSource& source) : size_(source.read_at(0, bytes_)) {}

  size_t size() const { return size_; }
  uint16_t u16(size_t at) const { return static_cast<uint16_t>(bytes_[at] | bytes_[at + 1] << 8U); }
  uint32_t u32(size_t at) const { return u16(at) | static_cast<uint32_t>(u16(at + 2)) << 16U; }
  int32_t i32(size_t at) const { return static_cast<int32_t>(u32(at)); }

 private:
  std::array<uint8_t, file_header + v5_header> bytes_{};
  size_t size_;
};

Error damaged(const ByteSource& source, uint64_t expected) {
  return {ErrorKind::bad_data, source.name(), "damaged or truncated BMP", std::to_string(expected) + " bytes",
          std::to_string(source.size())};
}

size_t header_size(const ByteSource& source, const Fields& fields) {
  if (fields.size() < file_header + 4) throw damaged(source, file_header + core_header);
  const size_t size = fields.u32(file_header);
  const bool known = size == core_header || size == info_header || size == os2_header ||
                     size == masks_header || size == alpha_header || size == v4_header || size == v5_header;
  if (!known)
    throw Error(ErrorKind::unsupported, source.name(), "BMP of an unknown kind",
                "a header of 12, 40, 52, 56, 64, 108 or 124 bytes", std::to_string(size) + " bytes");
  if (fields.size() < file_header + size) throw damaged(source, file_header + size);
  return size;
}

void set_size(BmpHeader& header, const std::string& name, int64_t width, int64_t height) {
  header.top_down = height < 0;
  height = std::abs(height);
  if (width < 1 || height < 1)
    throw Error(ErrorKind::bad_data, name, "damaged BMP", "a width and a height",
                std::to_string(width) + "x" + std::to_string(height));
  if (width > limits::picture_side || height > limits::picture_side ||
      width * height > limits::picture_pixels)
    throw Error(ErrorKind::unsupported, name, "the picture is too large",
                "sides of at most " + std::to_string(limits::picture_side),
                std::to_string(width) + "x" + std::to_string(height));
  header.width = static_cast<int>(width);
  header.height = static_cast<int>(height);
}

void check_bits(const std::string& name, int bits) {
  for (const int known : {1, 2, 4, 8, 16, 24, 32})
    if (bits == known) return;
  throw Error(ErrorKind::bad_data, name, "damaged BMP", "1, 2, 4, 8, 16, 24 or 32 bits a pixel",
              std::to_string(bits));
}

/// Throws Error unless the compression is one that is read and goes with the bits.
void check_compression(const std::string& name, uint32_t compression, int bits, size_t header) {
  const bool of_os2 = header == os2_header;  // has other kinds under the numbers of later ones
  if (compression == jpeg && !of_os2)
    throw Error(ErrorKind::unsupported, name, "the BMP file holds a JPEG file: it is not supported");
  if (compression == png && !of_os2)
    throw Error(ErrorKind::unsupported, name, "the BMP file holds a PNG file: it is not supported");
  const bool masked = (compression == bit_fields || compression == alpha_fields) && !of_os2;
  const bool fits = compression == plain || (compression == runs_of_8 && bits == 8) ||
                    (compression == runs_of_4 && bits == 4) || (masked && (bits == 16 || bits == 32));
  if (!fits)
    throw Error(
        ErrorKind::unsupported, name, "BMP of a kind that is not supported",
        "no compression, RLE4, RLE8 or bit fields",
        "compression " + std::to_string(compression) + " of " + std::to_string(bits) + " bits a pixel");
}

/// Whether the ones stand side by side.
bool is_contiguous(uint32_t mask) {
  if (mask == 0) return true;
  const uint32_t low = mask >> static_cast<unsigned>(std::countr_zero(mask));
  return (low & (low + 1)) == 0;
}

/// Returns how many bytes of masks follow the header.
size_t read_masks(BmpHeader& header, const ByteSource& source, const Fields& fields, size_t size,
                  uint32_t compression) {
  if (header.bits != 16 && header.bits != 32) return 0;
  if (compression == plain) {
    header.masks = header.bits == 16 ? std::array<uint32_t, 4>{0x7C00, 0x3E0, 0x1F, 0}
                                     : std::array<uint32_t, 4>{0xFF0000, 0xFF00, 0xFF, 0};
    return 0;
  }
  // Masks that are part of a longer header stand at the place of those that follow a short one.
  const size_t count = size >= alpha_header || compression == alpha_fields ? 4 : 3;
  const size_t begin = file_header + info_header;
  if (fields.size() < begin + 4 * count) throw damaged(source, begin + 4 * count);
  for (size_t i = 0; i < count; ++i) {
    uint32_t& mask = header.masks[i];
    mask = fields.u32(begin + 4 * i);
    if (header.bits == 16) mask &= 0xFFFFU;
    if (!is_contiguous(mask))
      throw Error(ErrorKind::bad_data, source.name(), "damaged BMP: a colour's bits are scattered");
  }
  if ((header.masks[0] | header.masks[1] | header.masks[2]) == 0)
    throw Error(ErrorKind::bad_data, source.name(), "damaged BMP: no bits belong to the colours");
  return std::max(size, begin - file_header + 4 * count) - size;
}

/// `begin` is where the palette may begin, `used` how many entries the header claims.
void read_palette(BmpHeader& header, const ByteSource& source, uint64_t begin, size_t entry, uint32_t used) {
  const uint32_t most = 1U << static_cast<unsigned>(header.bits);
  // Writers of OS/2's form let the pixels begin where a shorter palette ends.
  const uint64_t room = (header.pixels - begin) / entry;
  const size_t count = static_cast<size_t>(std::min<uint64_t>(room, used == 0 ? most : std::min(used, most)));
  std::vector<uint8_t> bytes(count * entry);
  if (count == 0 || source.read_at(begin, bytes) != bytes.size())
    throw Error(ErrorKind::bad_data, source.name(), "damaged BMP: it has no palette");
  header.palette.resize(most);
  header.gray = true;
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* const from = &bytes[i * entry];
    header.palette[i] = {from[2], from[1], from[0]};
    header.gray = header.gray && from[0] == from[1] && from[1] == from[2];
  }
}

void read_profile(BmpHeader& header, const ByteSource& source, const Fields& fields) {
  const uint64_t begin = file_header + uint64_t{fields.u32(file_header + 112)};
  const uint64_t size = fields.u32(file_header + 116);
  if (size == 0) return;
  if (size > limits::metadata_block || begin > source.size() || size > source.size() - begin) {
    header.remarks.emplace_back("the colour profile is damaged and was not used");
    return;
  }
  std::vector<uint8_t> profile(static_cast<size_t>(size));
  if (source.read_at(begin, profile) == profile.size()) header.metadata->icc = std::move(profile);
}

void read_colour_space(BmpHeader& header, const ByteSource& source, const Fields& fields, size_t size) {
  if (size < v4_header) return;
  const uint32_t kind = fields.u32(file_header + 56);
  if (kind == srgb) header.metadata->says_srgb = true;
  if (size < v5_header) return;
  if (kind == embedded_profile) read_profile(header, source, fields);
  if (kind == linked_profile)
    header.remarks.emplace_back("the colour profile is another file and was not used");
}

/// Pixels for a metre.
void read_resolution(BmpHeader& header, int32_t x, int32_t y) {
  if (x > 0 && y > 0) header.metadata->resolution = {x / 100.0, y / 100.0, Resolution::Unit::centimetre};
}

void check_rows(const BmpHeader& header, const ByteSource& source) {
  // The last row may do without its padding.
  const auto width = static_cast<uint64_t>(header.width) * static_cast<uint64_t>(header.bits);
  const uint64_t end =
      header.pixels + header.stride() * static_cast<uint64_t>(header.height - 1) + (width + 7) / 8;
  if (!header.runs && source.size() < end) throw damaged(source, end);
}

}  // namespace

BmpHeader read_bmp_header(const ByteSource& source) {
  const Fields fields(source);
  const size_t size = header_size(source, fields);
  BmpHeader header;
  header.pixels = fields.u32(10);
  uint32_t compression = plain, used = 0;
  if (size == core_header) {
    set_size(header, source.name(), fields.u16(18), fields.u16(20));
    header.bits = fields.u16(24);
  } else {
    set_size(header, source.name(), fields.i32(18), fields.i32(22));
    header.bits = fields.u16(28);
    compression = fields.u32(30);
    used = fields.u32(46);
    read_resolution(header, fields.i32(38), fields.i32(42));
  }
  check_compression(source.name(), compression, header.bits, size);
  check_bits(source.name(), header.bits);
  header.runs = compression == runs_of_4 || compression == runs_of_8;
  const size_t masks = read_masks(header, source, fields, size, compression);
  const uint64_t end = file_header + size + masks;
  if (header.pixels < end || header.pixels >= source.size())
    throw damaged(source, std::max(header.pixels, end) + 1);
  if (header.bits <= 8) read_palette(header, source, end, size == core_header ? 3 : 4, used);
  check_rows(header, source);
  read_colour_space(header, source, fields, size);
  return header;
}

}  // namespace esrgan
