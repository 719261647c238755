#include <esrgan/error.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "image/codecs/nifti.h"
#include "image/codecs/nifti_header.h"
#include "image/codecs/stored_value.h"

namespace esrgan {
namespace {

/// Bytes to a sink, packed by gzip or as they are.
class Packer {
 public:
  Packer(ByteSink& sink, bool packs, int level) : sink_(sink), packs_(packs) {
    const int chosen = level < 0 ? Z_DEFAULT_COMPRESSION : level;
    constexpr int memory = 8;
    if (packs_ &&
        deflateInit2(&stream_, chosen, Z_DEFLATED, 16 + MAX_WBITS, memory, Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
  }
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;
  Packer(Packer&&) = delete;
  Packer& operator=(Packer&&) = delete;
  ~Packer() {
    if (packs_) deflateEnd(&stream_);
  }

  void write(std::span<const uint8_t> bytes) {
    if (!packs_) return sink_.write(bytes);
    while (!bytes.empty()) {
      const auto part = bytes.first(std::min<size_t>(bytes.size(), 1U << 30U));
      pack(part, Z_NO_FLUSH);
      bytes = bytes.subspan(part.size());
    }
  }
  void finish() {
    if (packs_) pack({}, Z_FINISH);
  }

 private:
  void pack(std::span<const uint8_t> bytes, int flush) {
    stream_.next_in = const_cast<Bytef*>(bytes.data());
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      stream_.next_out = buffer_.data();
      stream_.avail_out = static_cast<uInt>(buffer_.size());
      deflate(&stream_, flush);
      sink_.write(std::span(buffer_).first(buffer_.size() - stream_.avail_out));
    } while (stream_.avail_out == 0);
  }

  ByteSink& sink_;
  bool packs_;
  z_stream stream_{};
  std::array<uint8_t, 1U << 16U> buffer_{};
};

class NiftiEncoder : public Encoder {
 public:
  NiftiEncoder(ByteSink& sink, const EncodeOptions& options)
      : sink_(sink), packer_(sink, options.extension == "gz", options.compression) {}

  void begin(const StoredPicture& picture) override {
    if (header_) return;  // a further slice
    if (!picture.metadata || picture.metadata->nifti.empty())
      throw Error(ErrorKind::unsupported, sink_.name(),
                  "a NIfTI file can only be made of another one, whose place in space it keeps");
    const ImageMetadata& from = *picture.metadata;
    header_.emplace(from.nifti, sink_.name());
    constexpr int largest = std::numeric_limits<int16_t>::max();
    if (!header_->two() && (picture.width > largest || picture.height > largest))
      throw Error(ErrorKind::unsupported, sink_.name(), "is too large for NIfTI-1",
                  "at most 32767 voxels each way",
                  std::to_string(picture.width) + "x" + std::to_string(picture.height));
    type_ = picture.type;
    header_->enlarge(from.enlarged_x, from.enlarged_y, picture.width, picture.height);
    packer_.write(header_->bytes());
  }

  void write(const std::byte* rows, int count) override {
    const size_t numbers =
        static_cast<size_t>(header_->width() * header_->channels()) * static_cast<size_t>(count);
    packed_.resize(numbers * header_->number_bytes());
    for (size_t i = 0; i < numbers; ++i) store(i, stored_value(rows + i * size_of(type_), type_));
    packer_.write(packed_);
  }

  void end() override {}
  void finish() override { packer_.finish(); }
  uint64_t memory(const StoredPicture& picture) const override {
    constexpr uint64_t rows = 64, most = 8;
    return rows * static_cast<uint64_t>(picture.width) * most;
  }

 private:
  template <typename Number>
  void put(size_t i, double value) {
    if constexpr (std::numeric_limits<Number>::is_integer)
      value = std::clamp(std::nearbyint(value), static_cast<double>(std::numeric_limits<Number>::min()),
                         static_cast<double>(std::numeric_limits<Number>::max()));
    auto bytes = std::bit_cast<std::array<uint8_t, sizeof(Number)>>(static_cast<Number>(value));
    if (header_->swapped()) std::reverse(bytes.begin(), bytes.end());
    std::copy(bytes.begin(), bytes.end(), packed_.begin() + static_cast<ptrdiff_t>(i * sizeof(Number)));
  }

  void store(size_t i, double value) {
    using Kind = NiftiHeader::Kind;
    switch (header_->kind()) {
      case Kind::rgb:
      case Kind::u8:
        return put<uint8_t>(i, value);
      case Kind::i8:
        return put<int8_t>(i, value);
      case Kind::i16:
        return put<int16_t>(i, value);
      case Kind::u16:
        return put<uint16_t>(i, value);
      case Kind::i32:
        return put<int32_t>(i, value);
      case Kind::u32:
        return put<uint32_t>(i, value);
      case Kind::f32:
        return put<float>(i, value);
      case Kind::f64:
        return put<double>(i, value);
    }
  }

  ByteSink& sink_;
  Packer packer_;
  std::optional<NiftiHeader> header_;
  SampleType type_ = SampleType::i16;
  std::vector<uint8_t> packed_;
};

}  // namespace

std::unique_ptr<Encoder> create_nifti(ByteSink& sink, const EncodeOptions& options) {
  return std::make_unique<NiftiEncoder>(sink, options);
}

}  // namespace esrgan
