#include <esrgan/error.h>
#include <png.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/limits.h"
#include "image/codecs/png.h"
#include "image/codecs/png_chunks.h"

namespace esrgan {
namespace {

/// libpng's own state, and what its callbacks need.
struct Reading {
  const ByteSource& source;
  uint64_t position = 0;
};

[[noreturn]] void fail(png_structp png, png_const_charp message) {
  const auto& reading = *static_cast<const Reading*>(png_get_error_ptr(png));
  throw Error(ErrorKind::bad_data, reading.source.name(),
              std::string("damaged or truncated PNG: ") + message);
}

void ignore(png_structp, png_const_charp) {}

void read_bytes(png_structp png, png_bytep to, size_t count) {
  auto& reading = *static_cast<Reading*>(png_get_io_ptr(png));
  const size_t got = reading.source.read_at(reading.position, {to, count});
  reading.position += got;
  if (got < count) png_error(png, "the file ends too early");
}

class PngDecoder : public Decoder {
 public:
  explicit PngDecoder(std::shared_ptr<const ByteSource> source)
      : source_(std::move(source)), reading_{*source_, 0} {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reading_, fail, ignore);
    info_ = png_ != nullptr ? png_create_info_struct(png_) : nullptr;
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, &info_, nullptr);
      throw std::bad_alloc();
    }
    try {
      examine();
    } catch (...) {
      png_destroy_read_struct(&png_, &info_, nullptr);
      throw;
    }
  }
  ~PngDecoder() override { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngDecoder(const PngDecoder&) = delete;
  PngDecoder& operator=(const PngDecoder&) = delete;
  PngDecoder(PngDecoder&&) = delete;
  PngDecoder& operator=(PngDecoder&&) = delete;

  const StoredPicture& picture() const override { return picture_; }
  uint64_t memory() const override {
    return interlaced_ ? picture_.row_bytes() * static_cast<uint64_t>(picture_.height)
                       : 2 * picture_.row_bytes();
  }

  void read(int count, std::byte* rows) override {
    const size_t row = picture_.row_bytes();
    if (interlaced_ && whole_.empty()) read_interlaced();
    for (int i = 0; i < count; ++i, ++y_, rows += row) {
      if (interlaced_)
        std::memcpy(rows, whole_.data() + static_cast<size_t>(y_) * row, row);
      else
        png_read_row(png_, reinterpret_cast<png_bytep>(rows), nullptr);
    }
  }

 private:
  void examine() {
    // What is not pixels is read by read_chunks(), wherever it stands in the file.
    png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_set_crc_action(png_, PNG_CRC_ERROR_QUIT, PNG_CRC_QUIET_USE);
    png_set_user_limits(png_, limits::picture_side, limits::picture_side);
    png_set_read_fn(png_, &reading_, read_bytes);
    png_read_info(png_, info_);
    const int depth = png_get_bit_depth(png_, info_);
    png_set_expand(png_);  // palettes to RGB, fewer than 8 bits to 8, a transparent colour to alpha
    if (depth == 16 && std::endian::native == std::endian::little) png_set_swap(png_);
    interlaced_ = png_set_interlace_handling(png_) > 1;
    png_read_update_info(png_, info_);
    picture_.width = static_cast<int>(png_get_image_width(png_, info_));
    picture_.height = static_cast<int>(png_get_image_height(png_, info_));
    picture_.channels = png_get_channels(png_, info_);
    picture_.type = depth == 16 ? SampleType::u16 : SampleType::u8;
    picture_.alpha = picture_.channels % 2 == 0 ? Alpha::straight : Alpha::none;
    auto metadata = std::make_shared<ImageMetadata>();
    uint32_t frames = 1;
    png::read_chunks(*source_, *metadata, frames);
    if (frames > 1)
      picture_.remarks.push_back("the first of " + std::to_string(frames) +
                                 " frames is used ('esrgan video' enlarges all of them)");
    picture_.metadata = std::move(metadata);
  }

  void read_interlaced() {
    const size_t row = picture_.row_bytes();
    whole_.resize(row * static_cast<size_t>(picture_.height));
    std::vector<png_bytep> rows;
    for (size_t y = 0; y < static_cast<size_t>(picture_.height); ++y)
      rows.push_back(reinterpret_cast<png_bytep>(whole_.data() + y * row));
    png_read_image(png_, rows.data());
  }

  std::shared_ptr<const ByteSource> source_;
  Reading reading_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  StoredPicture picture_;
  bool interlaced_ = false;
  int y_ = 0;
  std::vector<std::byte> whole_;  // of an interlaced picture
};

}  // namespace

bool looks_like_png(std::span<const uint8_t> head) {
  return head.size() >= png::signature.size() &&
         std::equal(png::signature.begin(), png::signature.end(), head.begin());
}

std::unique_ptr<Decoder> open_png(std::shared_ptr<const ByteSource> source) {
  return std::make_unique<PngDecoder>(std::move(source));
}

}  // namespace esrgan
