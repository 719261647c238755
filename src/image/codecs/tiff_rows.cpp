#include "image/codecs/tiff_rows.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string>
#include <utility>

namespace esrgan {
namespace {

/// Bytes of the largest compressed strip or tile: libtiff holds one at a time.
uint64_t largest_compressed(TiffFile& file, const TiffLayout& layout) {
  const uint32_t count = layout.tiled ? TIFFNumberOfTiles(file.handle()) : TIFFNumberOfStrips(file.handle());
  uint64_t most = 0;
  for (uint32_t i = 0; i < count; ++i) most = std::max(most, TIFFGetStrileByteCount(file.handle(), i));
  return std::min(most, file.source().size());
}

/// Strips with all channels together: row by row, whatever their height.
class ScanlineRows final : public TiffRows {
 public:
  ScanlineRows(TiffFile& file, const TiffLayout& layout)
      : file_(file),
        row_bytes_(layout.packed_bytes(layout.width)),
        memory_(row_bytes_ + largest_compressed(file, layout)) {}

  uint64_t memory() const override { return memory_; }
  const std::byte* row(int64_t y, size_t) override {
    row_.resize(row_bytes_);
    copy_row(y, row_.data());
    return row_.data();
  }
  void copy_row(int64_t y, std::byte* to) override {
    if (TIFFReadScanline(file_.handle(), to, static_cast<uint32_t>(y), 0) != 1) file_.fail();
  }

 private:
  TiffFile& file_;
  uint64_t row_bytes_, memory_;
  std::vector<std::byte> row_;
};

/// Rows that come a band at a time: the height of a strip or tile.
class BandRows : public TiffRows {
 public:
  BandRows(const TiffLayout& layout, uint64_t row_bytes, size_t planes)
      : height_(layout.height),
        band_height_(std::min(layout.block_height, layout.height)),
        row_bytes_(row_bytes),
        planes_(planes) {}

  const std::byte* row(int64_t y, size_t plane) final {
    if (y / band_height_ != band_) {
      samples_.resize(band_bytes());
      band_ = y / band_height_;
      fill(band_, std::min(band_height_, height_ - band_ * band_height_));
    }
    return plane_data(plane) + static_cast<uint64_t>(y % band_height_) * row_bytes_;
  }
  void copy_row(int64_t y, std::byte* to) final { std::memcpy(to, row(y, 0), row_bytes_); }

 protected:
  virtual void fill(int64_t band, int64_t rows) = 0;
  std::byte* plane_data(size_t plane) { return samples_.data() + plane * plane_bytes(); }
  uint64_t plane_bytes() const { return row_bytes_ * static_cast<uint64_t>(band_height_); }
  uint64_t band_bytes() const { return plane_bytes() * planes_; }
  uint64_t row_bytes() const { return row_bytes_; }
  int64_t band_height() const { return band_height_; }
  size_t planes() const { return planes_; }

 private:
  int64_t height_, band_height_;
  uint64_t row_bytes_;
  size_t planes_;
  int64_t band_ = -1;
  std::vector<std::byte> samples_;
};

/// Strips of one channel each. Their rows are needed together, but a strip can be read from its top only.
class PlanarStripRows final : public BandRows {
 public:
  PlanarStripRows(TiffFile& file, const TiffLayout& layout, std::vector<int> planes)
      : BandRows(layout, layout.packed_bytes(layout.width), planes.size()),
        file_(file),
        channels_(std::move(planes)),
        compressed_(largest_compressed(file, layout)) {}

  uint64_t memory() const override { return band_bytes() + compressed_; }

 private:
  void fill(int64_t band, int64_t rows) override {
    const auto bytes = static_cast<tmsize_t>(static_cast<uint64_t>(rows) * row_bytes());
    for (size_t i = 0; i < planes(); ++i) {
      const uint32_t strip = TIFFComputeStrip(file_.handle(), static_cast<uint32_t>(band * band_height()),
                                              static_cast<uint16_t>(channels_[i]));
      if (TIFFReadEncodedStrip(file_.handle(), strip, plane_data(i), bytes) != bytes) file_.fail();
    }
  }

  TiffFile& file_;
  std::vector<int> channels_;
  uint64_t compressed_;
};

/// The same without compression: rows are read one by one, as such strips often are as high as the picture.
class PlainPlanarRows final : public TiffRows {
 public:
  PlainPlanarRows(TiffFile& file, const TiffLayout& layout, std::vector<int> planes)
      : file_(file),
        channels_(std::move(planes)),
        bits_(layout.bits),
        row_bytes_(layout.packed_bytes(layout.width)),
        strip_rows_(layout.block_height) {}

  static bool can_read(TiffFile& file, const TiffLayout& layout) {
    return layout.compression == COMPRESSION_NONE && layout.bits % 8 == 0 &&
           file.tag<uint16_t>(TIFFTAG_FILLORDER, FILLORDER_MSB2LSB) == FILLORDER_MSB2LSB;
  }

  uint64_t memory() const override { return row_bytes_ * channels_.size(); }
  const std::byte* row(int64_t y, size_t plane) override {
    rows_.resize(row_bytes_ * channels_.size());
    std::byte* const to = rows_.data() + plane * row_bytes_;
    const uint32_t strip =
        TIFFComputeStrip(file_.handle(), static_cast<uint32_t>(y), static_cast<uint16_t>(channels_[plane]));
    const uint64_t skip = static_cast<uint64_t>(y % strip_rows_) * row_bytes_;
    const uint64_t offset = TIFFGetStrileOffset(file_.handle(), strip);
    const uint64_t size = file_.source().size();
    const bool inside = skip <= size && offset <= size - skip;
    const std::span<uint8_t> bytes(reinterpret_cast<uint8_t*>(to), row_bytes_);
    if (offset == 0 || !inside || file_.source().read_at(offset + skip, bytes) != bytes.size()) {
      file_.refuse("the file is cut off", "", "nothing where row " + std::to_string(y) + " should be");
    }
    if (TIFFIsByteSwapped(file_.handle()) != 0) swap_bytes(to);
    return to;
  }
  void copy_row(int64_t y, std::byte* to) override { std::memcpy(to, row(y, 0), row_bytes_); }

 private:
  void swap_bytes(std::byte* row) const {
    const auto unit = static_cast<ptrdiff_t>(bits_ / 8);
    for (std::byte* const end = row + row_bytes_; row < end; row += unit) std::reverse(row, row + unit);
  }

  TiffFile& file_;
  std::vector<int> channels_;
  int bits_;
  uint64_t row_bytes_;
  int64_t strip_rows_;
  std::vector<std::byte> rows_;
};

class TileRows final : public BandRows {
 public:
  TileRows(TiffFile& file, const TiffLayout& layout, std::vector<int> planes)
      : BandRows(layout, layout.packed_bytes(layout.width), planes.size()),
        file_(file),
        channels_(std::move(planes)),
        width_(layout.width),
        tile_width_(layout.block_width),
        tile_height_(layout.block_height),
        tile_row_(layout.packed_bytes(layout.block_width)),
        compressed_(largest_compressed(file, layout)) {}

  uint64_t memory() const override { return band_bytes() + tile_bytes() + compressed_; }

 private:
  uint64_t tile_bytes() const { return tile_row_ * static_cast<uint64_t>(tile_height_); }

  void fill(int64_t band, int64_t rows) override {
    tile_.resize(tile_bytes());
    const auto y = static_cast<uint32_t>(band * tile_height_);
    for (size_t i = 0; i < planes(); ++i) {
      for (int64_t x = 0; x < width_; x += tile_width_) {
        const uint32_t tile = TIFFComputeTile(file_.handle(), static_cast<uint32_t>(x), y, 0,
                                              static_cast<uint16_t>(channels_[i]));
        const auto bytes = static_cast<tmsize_t>(tile_.size());
        if (TIFFReadEncodedTile(file_.handle(), tile, tile_.data(), bytes) != bytes) file_.fail();
        place(plane_data(i), static_cast<uint64_t>(x / tile_width_) * tile_row_, rows);
      }
    }
  }

  void place(std::byte* band, uint64_t offset, int64_t rows) const {
    const uint64_t bytes = std::min(tile_row_, row_bytes() - offset);
    for (int64_t y = 0; y < rows; ++y) {
      std::memcpy(band + static_cast<uint64_t>(y) * row_bytes() + offset,
                  tile_.data() + static_cast<uint64_t>(y) * tile_row_, bytes);
    }
  }

  TiffFile& file_;
  std::vector<int> channels_;
  int64_t width_, tile_width_, tile_height_;
  uint64_t tile_row_, compressed_;
  std::vector<std::byte> tile_;
};

/// What only libtiff's own conversion understands, as 8-bit RGB.
class RgbaRows final : public BandRows {
 public:
  RgbaRows(TiffFile& file, const TiffLayout& layout)
      : BandRows(layout, static_cast<uint64_t>(layout.width) * 3, 1),
        file_(file),
        width_(layout.width),
        compressed_(largest_compressed(file, layout)) {
    std::array<char, 1024> reason{};
    if (TIFFRGBAImageOK(file.handle(), reason.data()) != 1) {
      file.refuse("this kind of TIFF cannot be read", "", reason.data());
    }
  }

  /// libtiff holds a decoded strip beside the pixels.
  uint64_t memory() const override { return band_bytes() + 2 * raster_pixels() * 4 + compressed_; }

 private:
  struct Reading {
    TIFFRGBAImage image{};
    bool begun = false;
    Reading() = default;
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;
    Reading(Reading&&) = delete;
    Reading& operator=(Reading&&) = delete;
    ~Reading() {
      if (begun) TIFFRGBAImageEnd(&image);
    }
  };

  uint64_t raster_pixels() const {
    return static_cast<uint64_t>(width_) * static_cast<uint64_t>(band_height());
  }

  void fill(int64_t band, int64_t rows) override {
    raster_.resize(raster_pixels());
    std::array<char, 1024> reason{};
    Reading reading;
    reading.begun = TIFFRGBAImageBegin(&reading.image, file_.handle(), 1, reason.data()) == 1;
    if (!reading.begun) file_.fail();
    reading.image.req_orientation = reading.image.orientation;  // rows stay as they are stored
    reading.image.row_offset = static_cast<int>(band * band_height());
    if (TIFFRGBAImageGet(&reading.image, raster_.data(), static_cast<uint32_t>(width_),
                         static_cast<uint32_t>(rows)) != 1) {
      file_.fail();
    }
    std::byte* to = plane_data(0);
    const auto pixels = static_cast<size_t>(width_) * static_cast<size_t>(rows);
    for (size_t i = 0; i < pixels; ++i) {
      *to++ = static_cast<std::byte>(TIFFGetR(raster_[i]));
      *to++ = static_cast<std::byte>(TIFFGetG(raster_[i]));
      *to++ = static_cast<std::byte>(TIFFGetB(raster_[i]));
    }
  }

  TiffFile& file_;
  int64_t width_;
  uint64_t compressed_;
  std::vector<uint32_t> raster_;
};

}  // namespace

std::unique_ptr<TiffRows> tiff_rows(TiffFile& file, const TiffLayout& layout,
                                    const std::vector<int>& planes) {
  if (layout.as_rgba) return std::make_unique<RgbaRows>(file, layout);
  const std::vector<int> wanted = layout.planar ? planes : std::vector<int>{0};
  if (layout.tiled) return std::make_unique<TileRows>(file, layout, wanted);
  if (layout.planar && PlainPlanarRows::can_read(file, layout)) {
    return std::make_unique<PlainPlanarRows>(file, layout, wanted);
  }
  if (layout.planar) return std::make_unique<PlanarStripRows>(file, layout, wanted);
  return std::make_unique<ScanlineRows>(file, layout);
}

}  // namespace esrgan
