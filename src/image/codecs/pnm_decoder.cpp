#include <esrgan/error.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "image/codecs/pnm.h"
#include "image/codecs/pnm_header.h"

namespace esrgan {
namespace {

using Samples = PnmHeader::Samples;

/// Bits of a sample, when they are other than 8 or 16 and all their values occur.
int bits_of(uint32_t largest) {
  for (const int bits : {10, 12, 14})
    if (largest == (1U << static_cast<unsigned>(bits)) - 1) return bits;
  return 0;
}

/// Bytes that follow a row in memory.
void reverse_rows(std::byte* rows, size_t row_bytes, int count) {
  for (int low = 0, high = count - 1; low < high; ++low, --high) {
    std::byte* const from = rows + row_bytes * static_cast<size_t>(low);
    std::swap_ranges(from, from + row_bytes, rows + row_bytes * static_cast<size_t>(high));
  }
}

class PnmDecoder final : public Decoder {
 public:
  explicit PnmDecoder(std::shared_ptr<const ByteSource> source)
      : source_(std::move(source)), header_(read_pnm_header(*source_)), text_(*source_) {
    picture_.width = header_.width;
    picture_.height = header_.height;
    picture_.channels = header_.channels;
    picture_.metadata = std::make_shared<ImageMetadata>();
    picture_.alpha = header_.channels % 2 == 0 ? Alpha::straight : Alpha::none;
    picture_.bits = bits_of(header_.largest);
    if (header_.samples == Samples::floats) picture_.type = SampleType::f32;
    if (header_.largest > 255) picture_.type = SampleType::u16;
    if (header_.samples == Samples::packed_bits) packed_.resize(static_cast<size_t>(header_.row_bytes()));
    text_.seek(header_.raster);
    look_for_more();
  }

  const StoredPicture& picture() const override { return picture_; }
  uint64_t memory() const override { return packed_.size() + (is_text() ? PnmText::buffer_bytes : 0); }

  void read(int count, std::byte* rows) override {
    if (header_.samples == Samples::floats) {
      read_floats(count, rows);
    } else if (header_.samples == Samples::packed_bits) {
      for (int i = 0; i < count; ++i) read_bits(next_row_ + i, row_of(rows, i));
    } else if (is_text()) {
      for (int i = 0; i < count; ++i) read_text(row_of(rows, i));
    } else {
      read_samples(count, rows);
    }
    next_row_ += count;
  }

 private:
  bool is_text() const { return header_.samples == Samples::text || header_.samples == Samples::text_bits; }

  std::byte* row_of(std::byte* rows, int i) const {
    return rows + picture_.row_bytes() * static_cast<size_t>(i);
  }

  void look_for_more() {
    if (is_text() || header_.samples == Samples::floats) return;
    std::array<uint8_t, 3> next{};
    const uint64_t end = header_.raster + header_.row_bytes() * static_cast<uint64_t>(header_.height);
    if (source_->read_at(end, next) == next.size() && looks_like_pnm(next))
      picture_.remarks.emplace_back("the first of several pictures is used");
  }

  void fetch(int row, std::span<uint8_t> to) const {
    const size_t got =
        source_->read_at(header_.raster + header_.row_bytes() * static_cast<uint64_t>(row), to);
    if (got < to.size())
      throw Error(ErrorKind::bad_data, source_->name(), "damaged or truncated PNM",
                  std::to_string(to.size()) + " bytes", std::to_string(got));
  }

  /// `count` rows of the file, from `row` on.
  void fetch_rows(int row, int count, std::byte* rows) const {
    fetch(row, {reinterpret_cast<uint8_t*>(rows), picture_.row_bytes() * static_cast<size_t>(count)});
  }

  void read_floats(int count, std::byte* rows) const {
    fetch_rows(header_.height - next_row_ - count, count, rows);
    reverse_rows(rows, picture_.row_bytes(), count);
    if (header_.big_endian == (std::endian::native == std::endian::big)) return;
    std::byte* const end = row_of(rows, count);
    for (std::byte* sample = rows; sample != end; sample += sizeof(float))
      std::reverse(sample, sample + sizeof(float));
  }

  void read_bits(int row, std::byte* to) {
    fetch(row, packed_);
    for (size_t x = 0; x < static_cast<size_t>(header_.width); ++x)
      to[x] = static_cast<std::byte>((packed_[x / 8] >> (7 - x % 8) & 1) != 0 ? 0 : 255);
  }

  /// A value of the file, in the whole range of the type.
  uint32_t scaled(uint32_t value) const {
    if (value > header_.largest)
      throw Error(ErrorKind::bad_data, source_->name(), "damaged PNM",
                  "samples of at most " + std::to_string(header_.largest), std::to_string(value));
    const uint32_t range = header_.largest > 255 ? 65535 : 255;
    return (value * range + header_.largest / 2) / header_.largest;
  }

  void read_samples(int count, std::byte* rows) const {
    fetch_rows(next_row_, count, rows);
    std::byte* const end = row_of(rows, count);
    if (header_.largest <= 255) {
      if (header_.largest == 255) return;
      std::transform(rows, end, rows, [this](std::byte value) {
        return static_cast<std::byte>(scaled(std::to_integer<uint32_t>(value)));
      });
      return;
    }
    for (std::byte* sample = rows; sample != end; sample += 2) {
      const uint32_t value =
          std::to_integer<uint32_t>(sample[0]) << 8U | std::to_integer<uint32_t>(sample[1]);
      const auto result = static_cast<uint16_t>(header_.largest == 65535 ? value : scaled(value));
      std::memcpy(sample, &result, sizeof result);
    }
  }

  /// Bits need no space between them.
  uint32_t text_bit() {
    const int c = text_.get_after_space();
    if (c == PnmText::end) throw Error(ErrorKind::bad_data, source_->name(), "damaged or truncated PNM");
    if (c != '0' && c != '1')
      throw Error(ErrorKind::bad_data, source_->name(), "damaged PNM", "0 or 1", "another character");
    return c == '1' ? 0 : 1;
  }

  void read_text(std::byte* row) {
    for (uint64_t i = 0; i < header_.row_samples(); ++i) {
      const auto value =
          static_cast<uint16_t>(scaled(header_.samples == Samples::text_bits ? text_bit() : text_.number()));
      if (picture_.type == SampleType::u8)
        row[i] = static_cast<std::byte>(value);
      else
        std::memcpy(row + 2 * i, &value, sizeof value);
    }
  }

  std::shared_ptr<const ByteSource> source_;
  PnmHeader header_;
  PnmText text_;
  StoredPicture picture_;
  std::vector<uint8_t> packed_;  ///< a row of bits
  int next_row_ = 0;
};

}  // namespace

bool looks_like_pnm(std::span<const uint8_t> head) {
  if (head.size() < 3 || head[0] != 'P') return false;
  const bool kind = (head[1] >= '1' && head[1] <= '7') || head[1] == 'F' || head[1] == 'f';
  return kind && (PnmText::is_space(head[2]) || head[2] == '#');
}

std::unique_ptr<Decoder> open_pnm(std::shared_ptr<const ByteSource> source) {
  return std::make_unique<PnmDecoder>(std::move(source));
}

}  // namespace esrgan
