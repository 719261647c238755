#include <esrgan/error.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/limits.h"
#include "image/codecs/nifti.h"
#include "image/codecs/nifti_header.h"
#include "image/codecs/spread.h"
#include "image/codecs/stored_value.h"

namespace esrgan {
namespace {

bool is_packed(std::span<const uint8_t> head) {
  return head.size() >= 2 && head[0] == 0x1F && head[1] == 0x8B;
}

/// The bytes of a file one after the other, unpacked if gzip packed them.
class Bytes {
 public:
  explicit Bytes(std::shared_ptr<const ByteSource> source) : source_(std::move(source)) {
    std::array<uint8_t, 2> head{};
    packed_ = source_->read_at(0, head) == head.size() && is_packed(head);
    if (packed_ && inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  Bytes(Bytes&&) = delete;
  Bytes& operator=(Bytes&&) = delete;
  ~Bytes() {
    if (packed_) inflateEnd(&stream_);
  }

  const std::shared_ptr<const ByteSource>& source() const { return source_; }
  /// How many there were, fewer than asked for only at the end.
  size_t read(std::span<uint8_t> to) {
    if (packed_) return unpack(to);
    const size_t count = source_->read_at(at_, to);
    at_ += count;
    return count;
  }

 private:
  size_t unpack(std::span<uint8_t> to) {
    size_t done = 0;
    while (done < to.size()) {
      if (stream_.avail_in == 0) {
        const size_t count = source_->read_at(at_, buffer_);
        at_ += count;
        stream_.next_in = buffer_.data();
        stream_.avail_in = static_cast<uInt>(count);
      }
      stream_.next_out = to.data() + done;
      const auto room = std::min<size_t>(to.size() - done, 1U << 30U);
      stream_.avail_out = static_cast<uInt>(room);
      const int status = inflate(&stream_, Z_NO_FLUSH);
      done += room - stream_.avail_out;
      if (status == Z_STREAM_END || (status == Z_BUF_ERROR && stream_.avail_in == 0)) break;
      if (status != Z_OK) throw Error(ErrorKind::bad_data, source_->name(), "is damaged: gzip does not fit");
    }
    return done;
  }

  std::shared_ptr<const ByteSource> source_;
  bool packed_ = false;
  uint64_t at_ = 0;
  z_stream stream_{};
  std::array<uint8_t, 1U << 16U> buffer_{};
};

class NiftiDecoder : public Decoder {
 public:
  explicit NiftiDecoder(std::shared_ptr<const ByteSource> source)
      : file_(source->name()), bytes_(std::move(source)), header_(read_header()) {
    picture_.width = header_.width();
    picture_.height = header_.height();
    picture_.channels = header_.channels();
    picture_.type = header_.type();
    auto metadata = std::make_shared<ImageMetadata>();
    metadata->nifti = header_.bytes();
    picture_.metadata = std::move(metadata);
    picture_.held = numbers_held();
    if (picture_.type == SampleType::f32)
      picture_.no_data.emplace().value = std::numeric_limits<double>::quiet_NaN();
    if (picture_.channels == 1) measure();
  }

  const StoredPicture& picture() const override { return picture_; }
  uint64_t memory() const override { return row_.size() + header_.bytes().size(); }
  int pictures() const override { return header_.slices(); }
  void next() override {}

  void read(int count, std::byte* rows) override {
    row_.resize(header_.row_bytes());
    for (int y = 0; y < count; ++y, rows += picture_.row_bytes()) {
      if (read_bytes(row_) < row_.size()) throw Error(ErrorKind::bad_data, file_, "is cut off");
      convert(rows);
    }
  }

 private:
  /// Where the file's numbers are of fewer bits than the picture's.
  std::optional<std::array<double, 2>> numbers_held() const {
    using Kind = NiftiHeader::Kind;
    if (header_.kind() == Kind::u8) return {{0, UINT8_MAX}};
    if (header_.kind() == Kind::i8) return {{INT8_MIN, INT8_MAX}};
    if (header_.kind() == Kind::u16) return {{0, UINT16_MAX}};
    return std::nullopt;
  }

  size_t read_bytes(std::span<uint8_t> to) {
    const size_t known = std::min(to.size(), rest_.size());
    std::copy_n(rest_.begin(), known, to.begin());
    rest_.erase(rest_.begin(), rest_.begin() + static_cast<ptrdiff_t>(known));
    return known + bytes_.read(to.subspan(known));
  }

  /// Reads all slices once before.
  void measure() {
    Bytes all(bytes_.source());
    std::vector<uint8_t> skipped(header_.bytes().size());
    all.read(skipped);
    row_.resize(header_.row_bytes());
    const auto rows = static_cast<uint64_t>(header_.slices()) * static_cast<uint64_t>(header_.height());
    Spread spread(rows * static_cast<uint64_t>(header_.width()));
    std::vector<std::byte> row(picture_.row_bytes());
    for (uint64_t y = 0; y < rows && all.read(row_) == row_.size(); ++y) {
      convert(row.data());
      for (size_t x = 0; x < row.size(); x += size_of(picture_.type))
        spread.add(stored_value(row.data() + x, picture_.type));
    }
    picture_.spread = spread.ends();
  }

  NiftiHeader read_header() {
    std::vector<uint8_t> begin(NiftiHeader::largest);
    begin.resize(bytes_.read(begin));
    const uint64_t offset = NiftiHeader(begin, file_).offset();
    // Extensions lie between header and numbers; the header of version 1 is smaller than what was read.
    const size_t read = begin.size();
    if (offset < read) {
      rest_.assign(begin.begin() + static_cast<ptrdiff_t>(offset), begin.end());
      begin.resize(static_cast<size_t>(offset));
    } else {
      read_up_to(static_cast<size_t>(offset), begin);
    }
    return {std::move(begin), file_};
  }

  /// In pieces: what a header claims need not be there.
  void read_up_to(size_t end, std::vector<uint8_t>& bytes) {
    constexpr size_t piece = 1U << 16U;
    while (bytes.size() < end) {
      const size_t known = bytes.size(), count = std::min(piece, end - known);
      bytes.resize(known + count);
      if (bytes_.read(std::span(bytes).subspan(known)) < count)
        throw Error(ErrorKind::bad_data, file_, "is cut off");
    }
  }

  template <typename Number>
  Number number(size_t i) const {
    std::array<uint8_t, sizeof(Number)> bytes{};
    std::copy_n(row_.begin() + static_cast<ptrdiff_t>(i * sizeof(Number)), sizeof(Number), bytes.begin());
    if (header_.swapped()) std::reverse(bytes.begin(), bytes.end());
    return std::bit_cast<Number>(bytes);
  }

  template <typename From, typename To>
  void convert_to(std::byte* to) const {
    for (size_t i = 0; i < row_.size() / sizeof(From); ++i) {
      To value{};
      if constexpr (std::is_same_v<From, int8_t>)
        value = static_cast<To>(static_cast<int>(number<uint8_t>(i) ^ 0x80U) - 0x80);
      else
        value = static_cast<To>(number<From>(i));
      std::memcpy(to + i * sizeof value, &value, sizeof value);
    }
  }

  void convert(std::byte* to) const {
    using Kind = NiftiHeader::Kind;
    switch (header_.kind()) {
      case Kind::rgb:
        return convert_to<uint8_t, uint8_t>(to);
      case Kind::u8:
        return convert_to<uint8_t, int16_t>(to);
      case Kind::i8:
        return convert_to<int8_t, int16_t>(to);
      case Kind::i16:
        return convert_to<int16_t, int16_t>(to);
      case Kind::u16:
        return convert_to<uint16_t, int32_t>(to);
      case Kind::i32:
        return convert_to<int32_t, int32_t>(to);
      case Kind::u32:
        return convert_to<uint32_t, uint32_t>(to);
      case Kind::f32:
        return convert_to<float, float>(to);
      case Kind::f64:
        return convert_to<double, float>(to);
    }
  }

  std::string file_;
  Bytes bytes_;
  std::vector<uint8_t> rest_;  // numbers that were read with the header
  NiftiHeader header_;
  StoredPicture picture_;
  std::vector<uint8_t> row_;
};

}  // namespace

bool looks_like_nifti(std::span<const uint8_t> head) {
  if (is_packed(head)) return true;  // only the unpacked bytes tell
  constexpr uint32_t one = 348, two = 540;
  if (head.size() < 12) return false;
  const uint32_t little = head[0] | head[1] << 8U | head[2] << 16U | static_cast<uint32_t>(head[3]) << 24U;
  const uint32_t big = head[3] | head[2] << 8U | head[1] << 16U | static_cast<uint32_t>(head[0]) << 24U;
  const auto is = [&](uint32_t size) { return little == size || big == size; };
  return is(one) || (is(two) && head[4] == 'n');
}

std::unique_ptr<Decoder> open_nifti(std::shared_ptr<const ByteSource> source) {
  return std::make_unique<NiftiDecoder>(std::move(source));
}

}  // namespace esrgan
