// What the headers of an OpenEXR file claim ("OpenEXR File Layout", openexr.com).
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <span>

#include "image/codecs/modules/exr.h"
#include "image/codecs/modules/module.h"

namespace esrgan::exr {
namespace {

constexpr uint32_t multi_part = 0x1000;
constexpr int64_t usual_tile_side = 4096;  ///< a tile may be that large, in small pictures as well
constexpr int most_parts = 1000;
constexpr size_t longest_name = 255;

/// Reads on from an offset.
class Cursor {
 public:
  explicit Cursor(const ByteSource& source) : source_(source) {}

  uint64_t left() const { return source_.size() - std::min(offset_, source_.size()); }

  uint8_t byte() {
    if (offset_ < start_ || offset_ - start_ >= filled_) {
      start_ = offset_;
      filled_ = source_.read_at(offset_, window_);
      if (filled_ == 0) throw Error(ErrorKind::bad_data, source_.name(), "OpenEXR header is cut off");
    }
    return window_[offset_++ - start_];
  }

  uint32_t u32() {
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 32; shift += 8) value |= uint32_t{byte()} << shift;
    return value;
  }

  int64_t i32() { return std::bit_cast<int32_t>(u32()); }

  std::string text() {
    std::string text;
    for (char letter = 0; (letter = static_cast<char>(byte())) != 0;) {
      if (text.size() == longest_name)
        throw Error(ErrorKind::bad_data, source_.name(), "OpenEXR header has too long a name");
      text += letter;
    }
    return text;
  }

  uint64_t offset() const { return offset_; }
  void go_to(uint64_t offset) { offset_ = offset; }

 private:
  const ByteSource& source_;
  uint64_t offset_ = 0, start_ = 0;
  size_t filled_ = 0;
  std::array<uint8_t, 4096> window_{};
};

struct Part {
  int64_t width = 0, height = 0;
  int64_t tile_width = 0, tile_height = 0;  ///< 0 when it has no tiles
};

/// One header. Nothing after the last one, where the next begins with an empty name.
std::optional<Part> read_part(Cursor& cursor, const std::string& file) {
  Part part;
  std::string name = cursor.text();
  if (name.empty()) return std::nullopt;
  for (; !name.empty(); name = cursor.text()) {
    const std::string type = cursor.text();
    const uint64_t bytes = cursor.u32();
    const uint64_t at = cursor.offset();
    if (bytes > std::min(cursor.left(), limits::metadata_block)) {
      throw Error(ErrorKind::bad_data, file,
                  "attribute \"" + name + "\" of the OpenEXR header is longer than the file or than allowed");
    }
    if (name == "dataWindow" && type == "box2i" && bytes == 16) {
      const int64_t left = cursor.i32(), top = cursor.i32(), right = cursor.i32(), bottom = cursor.i32();
      part.width = right - left + 1;
      part.height = bottom - top + 1;
    }
    if (name == "tiles" && type == "tiledesc" && bytes == 9) {
      part.tile_width = cursor.u32();
      part.tile_height = cursor.u32();
    }
    cursor.go_to(at + bytes);
  }
  return part;
}

void check_part(const Part& part, const ByteSource& source) {
  check_size(source.name(), part.width, part.height);
  const bool tiled = part.tile_width != 0 || part.tile_height != 0;
  if (!tiled) return;
  if (part.tile_width < 1 || part.tile_height < 1 ||
      part.tile_width > std::max(part.width, usual_tile_side) ||
      part.tile_height > std::max(part.height, usual_tile_side)) {
    throw Error(ErrorKind::bad_data, source.name(), "tiles of the OpenEXR file are larger than its picture",
                "", std::to_string(part.tile_width) + "x" + std::to_string(part.tile_height));
  }
  const int64_t tiles = ((part.width - 1) / part.tile_width + 1) * ((part.height - 1) / part.tile_height + 1);
  if (static_cast<uint64_t>(tiles) > source.size() / sizeof(uint64_t)) {
    throw Error(ErrorKind::bad_data, source.name(), "OpenEXR file is shorter than the table of its tiles");
  }
}

}  // namespace

void check_headers(const ByteSource& source) {
  Cursor cursor(source);
  constexpr uint32_t magic = 20000630;
  if (cursor.u32() != magic) throw Error(ErrorKind::bad_data, source.name(), "not an OpenEXR file");
  const bool several = (cursor.u32() & multi_part) != 0;
  for (int parts = 0; parts < most_parts; ++parts) {
    const auto part = read_part(cursor, source.name());
    if (!part && parts == 0) throw Error(ErrorKind::bad_data, source.name(), "OpenEXR header is empty");
    if (part) check_part(*part, source);
    if (!part || !several) return;
  }
  throw Error(ErrorKind::bad_data, source.name(), "OpenEXR file has too many parts",
              "at most " + std::to_string(most_parts));
}

}  // namespace esrgan::exr
