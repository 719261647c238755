#include <esrgan/error.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>

#include "image/codecs/bmp.h"
#include "image/codecs/bmp_header.h"
#include "image/codecs/bmp_runs.h"

namespace esrgan {
namespace {

constexpr uint64_t block_bytes = 1U << 18U;  // are read at once, or a row

/// One channel of a pixel of 16 or 32 bits.
struct Field {
  uint32_t mask = 0;
  unsigned shift = 0;
  uint64_t largest = 0;

  explicit Field(uint32_t bits)
      : mask(bits),
        shift(bits == 0 ? 0 : static_cast<unsigned>(std::countr_zero(bits))),
        largest(bits >> shift) {}

  /// Of a pixel, brought to the range 0 to `range`.
  uint64_t sample(uint32_t pixel, uint64_t range) const {
    return largest == 0 ? 0 : (((pixel & mask) >> shift) * range + largest / 2) / largest;
  }
};

class BmpDecoder final : public Decoder {
 public:
  explicit BmpDecoder(std::shared_ptr<const ByteSource> source)
      : source_(std::move(source)), header_(read_bmp_header(*source_)) {
    picture_.width = header_.width;
    picture_.height = header_.height;
    picture_.metadata = header_.metadata;
    picture_.remarks = header_.remarks;
    if (header_.bits <= 8) {
      picture_.channels = header_.gray ? 1 : 3;
      indices_.resize(static_cast<size_t>(header_.width));
    } else if (header_.bits == 24) {
      picture_.channels = 3;
    } else {
      set_masks();
    }
    if (header_.runs) {
      runs_.emplace(*source_, header_);
    } else {
      const uint64_t rows = std::max<uint64_t>(block_bytes / header_.stride(), 1);
      block_rows_ = static_cast<int>(std::min<uint64_t>(rows, static_cast<uint64_t>(header_.height)));
      block_.resize(static_cast<size_t>(header_.stride()) * static_cast<size_t>(block_rows_));
    }
  }

  const StoredPicture& picture() const override { return picture_; }

  uint64_t memory() const override { return block_.size() + indices_.size() + (runs_ ? runs_->memory() : 0); }

  void read(int count, std::byte* rows) override {
    while (count > 0) {
      const int some = runs_ ? 1 : std::min(count, block_rows_);
      if (runs_)
        read_runs(rows);
      else
        read_block(some, rows);
      next_row_ += some;
      rows += picture_.row_bytes() * static_cast<size_t>(some);
      count -= some;
    }
  }

 private:
  void set_masks() {
    int most = 0, least = 32;
    for (const uint32_t mask : header_.masks) fields_.emplace_back(mask);
    for (size_t i = 0; i < 4; ++i) {
      most = std::max(most, std::popcount(header_.masks[i]));
      if (i < 3) least = std::min(least, std::popcount(header_.masks[i]));
    }
    picture_.channels = header_.masks[3] != 0 ? 4 : 3;
    picture_.alpha = header_.masks[3] != 0 ? Alpha::straight : Alpha::none;
    picture_.type = most > 8 ? SampleType::u16 : SampleType::u8;
    if (most == least && (most == 10 || most == 12 || most == 14)) picture_.bits = most;
    if (most > 8) return;
    for (size_t i = 0; i < 4; ++i)
      for (uint32_t value = 0; value <= fields_[i].largest; ++value)
        tables_[i][value] = static_cast<uint8_t>(fields_[i].sample(value << fields_[i].shift, 255));
  }

  int file_row(int y) const { return header_.top_down ? y : header_.height - 1 - y; }

  void read_runs(std::byte* row) {
    runs_->row(file_row(next_row_), indices_.data());
    look_up(reinterpret_cast<uint8_t*>(row));
  }

  void read_block(int count, std::byte* rows) {
    const int first = std::min(file_row(next_row_), file_row(next_row_ + count - 1));
    const auto stride = static_cast<size_t>(header_.stride());
    const std::span<uint8_t> block(block_.data(), stride * static_cast<size_t>(count));
    const size_t got = source_->read_at(header_.pixels + stride * static_cast<uint64_t>(first), block);
    // The last row's padding may be missing.
    if (got + 4 <= block.size())
      throw Error(ErrorKind::bad_data, source_->name(), "damaged or truncated BMP",
                  std::to_string(block.size()) + " bytes", std::to_string(got));
    for (int i = 0; i < count; ++i) {
      const int at = header_.top_down ? i : count - 1 - i;
      unpack(&block_[stride * static_cast<size_t>(at)], rows);
      rows += picture_.row_bytes();
    }
  }

  void unpack(const uint8_t* from, std::byte* row) {
    auto* const to = reinterpret_cast<uint8_t*>(row);
    if (header_.bits <= 8) {
      unpack_indices(from);
      look_up(to);
    } else if (header_.bits == 24) {
      for (size_t x = 0; x < static_cast<size_t>(header_.width); ++x) {
        to[3 * x] = from[3 * x + 2];
        to[3 * x + 1] = from[3 * x + 1];
        to[3 * x + 2] = from[3 * x];
      }
    } else if (picture_.type == SampleType::u8) {
      unpack_fields(from, to);
    } else {
      unpack_wide_fields(from, row);
    }
  }

  void unpack_indices(const uint8_t* from) {
    const auto bits = static_cast<unsigned>(header_.bits);
    const unsigned mask = (1U << bits) - 1, per_byte = 8 / bits;
    for (size_t x = 0; x < indices_.size(); ++x) {
      const unsigned shift = 8 - bits * (static_cast<unsigned>(x % per_byte) + 1);
      indices_[x] = static_cast<uint8_t>((from[x / per_byte] >> shift) & mask);
    }
  }

  void look_up(uint8_t* to) const {
    const auto channels = static_cast<size_t>(picture_.channels);
    for (const uint8_t index : indices_) to = std::copy_n(header_.palette[index].data(), channels, to);
  }

  uint32_t pixel(const uint8_t* from, size_t x) const {
    if (header_.bits == 16) return static_cast<uint32_t>(from[2 * x] | from[2 * x + 1] << 8U);
    from += 4 * x;
    return from[0] | static_cast<uint32_t>(from[1]) << 8U | static_cast<uint32_t>(from[2]) << 16U |
           static_cast<uint32_t>(from[3]) << 24U;
  }

  void unpack_fields(const uint8_t* from, uint8_t* to) const {
    const auto channels = static_cast<size_t>(picture_.channels);
    for (size_t x = 0; x < static_cast<size_t>(header_.width); ++x) {
      const uint32_t value = pixel(from, x);
      for (size_t i = 0; i < channels; ++i) *to++ = tables_[i][(value & fields_[i].mask) >> fields_[i].shift];
    }
  }

  void unpack_wide_fields(const uint8_t* from, std::byte* to) const {
    const auto channels = static_cast<size_t>(picture_.channels);
    for (size_t x = 0; x < static_cast<size_t>(header_.width); ++x) {
      const uint32_t value = pixel(from, x);
      for (size_t i = 0; i < channels; ++i) {
        const auto sample = static_cast<uint16_t>(fields_[i].sample(value, 65535));
        std::memcpy(to, &sample, sizeof sample);
        to += sizeof sample;
      }
    }
  }

  std::shared_ptr<const ByteSource> source_;
  BmpHeader header_;
  StoredPicture picture_;
  std::vector<Field> fields_;
  std::array<std::array<uint8_t, 256>, 4> tables_{};  ///< samples of fields of up to 8 bits
  std::optional<BmpRuns> runs_;
  std::vector<uint8_t> indices_;  ///< of a row, into the palette
  std::vector<uint8_t> block_;    ///< rows as the file has them
  int block_rows_ = 0;
  int next_row_ = 0;
};

}  // namespace

bool looks_like_bmp(std::span<const uint8_t> head) {
  if (head.size() < 18 || head[0] != 'B' || head[1] != 'M') return false;
  // Two letters would be a weak sign; the second header's size, of 12 to 124, has three zero bytes.
  return head[14] >= 12 && head[14] <= 124 && head[15] == 0 && head[16] == 0 && head[17] == 0;
}

std::unique_ptr<Decoder> open_bmp(std::shared_ptr<const ByteSource> source) {
  return std::make_unique<BmpDecoder>(std::move(source));
}

}  // namespace esrgan
