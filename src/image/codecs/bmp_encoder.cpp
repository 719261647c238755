#include <esrgan/error.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "image/codecs/bmp.h"

namespace esrgan {
namespace {

constexpr size_t block_bytes = 1U << 18U;  // are written at once, or a row
constexpr uint64_t palette_bytes = 1024;

/// Little-endian numbers, one after the other.
class Fields {
 public:
  void u16(uint32_t value) { put(value, 2); }
  void u32(uint64_t value) { put(value, 4); }
  void zeros(size_t count) { bytes_.resize(bytes_.size() + count); }
  const std::vector<uint8_t>& bytes() const { return bytes_; }

 private:
  void put(uint64_t value, unsigned count) {
    for (unsigned i = 0; i < count; ++i) bytes_.push_back(static_cast<uint8_t>(value >> (8 * i)));
  }

  std::vector<uint8_t> bytes_;
};

/// Where the parts of a file of this picture lie. The second header is the shortest that says all: Windows
/// 3's, V4 for alpha, V5 for a profile.
struct Layout {
  uint64_t header, pixels, stride, profile, size;

  explicit Layout(const StoredPicture& picture) {
    const uint64_t icc = picture.metadata ? picture.metadata->icc.size() : 0;
    header = icc > 0 ? 124 : picture.channels == 4 ? 108 : 40;
    pixels = 14 + header + (picture.channels == 1 ? palette_bytes : 0);
    stride = (picture.row_bytes() + 3) / 4 * 4;
    profile = pixels + stride * static_cast<uint64_t>(picture.height);
    size = profile + icc;
  }
};

/// Pixels for a metre; 0 when not known.
uint32_t per_metre(double value, Resolution::Unit unit) {
  const double factor = unit == Resolution::Unit::inch         ? 100 / 2.54
                        : unit == Resolution::Unit::centimetre ? 100
                                                               : 0;
  const double result = value * factor;
  return result >= 0.5 && result < 2e9 ? static_cast<uint32_t>(std::lround(result)) : 0;
}

void put_info(Fields& to, const StoredPicture& picture, const Layout& layout) {
  const Resolution resolution = picture.metadata ? picture.metadata->resolution : Resolution{};
  to.u32(layout.header);
  to.u32(static_cast<uint64_t>(picture.width));
  to.u32(static_cast<uint64_t>(picture.height));
  to.u16(1);  // planes
  to.u16(static_cast<uint32_t>(8 * picture.channels));
  to.u32(picture.channels == 4 ? 3 : 0);  // bit fields, or no compression
  to.u32(layout.profile - layout.pixels);
  to.u32(per_metre(resolution.x, resolution.unit));
  to.u32(per_metre(resolution.y, resolution.unit));
  to.u32(picture.channels == 1 ? 256 : 0);  // colours of the palette
  to.u32(0);                                // all are important
}

void put_colour_space(Fields& to, const StoredPicture& picture, const Layout& layout) {
  const bool alpha = picture.channels == 4;
  for (const uint64_t mask : {0xFF0000U, 0xFF00U, 0xFFU, 0xFF000000U}) to.u32(alpha ? mask : 0);
  to.u32(layout.header == 124 ? 0x4D424544 : 0x73524742);  // an embedded profile, or sRGB
  to.zeros(48);                                            // end points and gamma
  if (layout.header != 124) return;
  to.u32(4);                    // the intent LCS_GM_IMAGES: perceptual
  to.u32(layout.profile - 14);  // from the second header on
  to.u32(layout.size - layout.profile);
  to.u32(0);
}

std::vector<uint8_t> headers(const StoredPicture& picture, const Layout& layout) {
  Fields to;
  to.u16(0x4D42);  // "BM"
  to.u32(layout.size);
  to.u32(0);
  to.u32(layout.pixels);
  put_info(to, picture, layout);
  if (layout.header > 40) put_colour_space(to, picture, layout);
  if (picture.channels == 1)
    for (uint32_t gray = 0; gray < 256; ++gray) to.u32(gray * 0x10101);
  return to.bytes();
}

class BmpEncoder final : public Encoder {
 public:
  explicit BmpEncoder(ByteSink& sink) : sink_(sink) {}

  void begin(const StoredPicture& picture) override {
    const bool holds = picture.type == SampleType::u8 &&
                       (picture.channels == 1 || picture.channels == 3 || picture.channels == 4);
    if (!holds)
      throw Error(ErrorKind::unsupported, sink_.name(), "BMP cannot hold the picture",
                  "8 bits of 1, 3 or 4 channels",
                  std::string(name_of(picture.type)) + " of " + std::to_string(picture.channels));
    const Layout layout(picture);
    if (layout.size > std::numeric_limits<uint32_t>::max())
      throw Error(ErrorKind::unsupported, sink_.name(), "the picture is too large for BMP", "less than 4 GiB",
                  std::to_string(layout.size) + " bytes");
    picture_ = picture;
    pixels_ = sink_.size() + layout.pixels;
    stride_ = static_cast<size_t>(layout.stride);
    sink_.write(headers(picture, layout));
    // The file begins with the lowest row, which comes last: there must be something to write over.
    block_.assign(std::max(block_bytes, stride_), 0);
    for (uint64_t left = layout.profile - layout.pixels; left > 0;) {
      const auto some = static_cast<size_t>(std::min<uint64_t>(left, block_.size()));
      sink_.write({block_.data(), some});
      left -= some;
    }
    if (layout.size > layout.profile) sink_.write(picture.metadata->icc);
  }

  void write(const std::byte* rows, int count) override {
    const int most = static_cast<int>(block_.size() / stride_);
    while (count > 0) {
      const int some = std::min(count, most);
      for (int i = 0; i < some; ++i)
        pack(rows + picture_.row_bytes() * static_cast<size_t>(i),
             &block_[stride_ * static_cast<size_t>(some - 1 - i)]);
      const int lowest = picture_.height - next_row_ - some;
      sink_.write_at(pixels_ + stride_ * static_cast<uint64_t>(lowest),
                     {block_.data(), stride_ * static_cast<size_t>(some)});
      next_row_ += some;
      rows += picture_.row_bytes() * static_cast<size_t>(some);
      count -= some;
    }
  }

  void end() override {}
  void finish() override {}

  uint64_t memory(const StoredPicture& picture) const override {
    return std::max<uint64_t>(block_bytes, Layout(picture).stride);
  }

 private:
  /// To blue, green, red and alpha; the padding stays zero.
  void pack(const std::byte* row, uint8_t* to) const {
    const auto* const from = reinterpret_cast<const uint8_t*>(row);
    const auto channels = static_cast<size_t>(picture_.channels);
    if (channels == 1) {
      std::copy_n(from, picture_.row_bytes(), to);
      return;
    }
    for (size_t at = 0; at < picture_.row_bytes(); at += channels) {
      to[at] = from[at + 2];
      to[at + 1] = from[at + 1];
      to[at + 2] = from[at];
      if (channels == 4) to[at + 3] = from[at + 3];
    }
  }

  ByteSink& sink_;
  StoredPicture picture_;
  uint64_t pixels_ = 0;  ///< where they begin in the sink
  size_t stride_ = 0;
  int next_row_ = 0;
  std::vector<uint8_t> block_;  ///< rows as the file has them
};

}  // namespace

std::unique_ptr<Encoder> create_bmp(ByteSink& sink, const EncodeOptions&) {
  return std::make_unique<BmpEncoder>(sink);
}

}  // namespace esrgan
