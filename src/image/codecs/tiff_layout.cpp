#include "image/codecs/tiff_layout.h"

#include <algorithm>
#include <string>

#include "base/limits.h"

namespace esrgan {
namespace {

constexpr int most_channels = 4096;
constexpr int64_t largest_tile_side = int64_t{1} << 20U;
constexpr int64_t small_tile_pixels = int64_t{1} << 22U;

void read_size(TiffFile& file, TiffLayout& layout) {
  layout.width = file.tag<uint32_t>(TIFFTAG_IMAGEWIDTH, 0);
  layout.height = file.tag<uint32_t>(TIFFTAG_IMAGELENGTH, 0);
  const std::string found = std::to_string(layout.width) + " x " + std::to_string(layout.height);
  if (layout.width < 1 || layout.height < 1) file.refuse("the picture is empty", "", found);
  if (std::max(layout.width, layout.height) > limits::picture_side ||
      layout.width * layout.height > limits::picture_pixels) {
    file.refuse("the picture is too large", "sides up to " + std::to_string(limits::picture_side), found);
  }
}

void read_samples(TiffFile& file, TiffLayout& layout) {
  layout.channels = file.tag<uint16_t>(TIFFTAG_SAMPLESPERPIXEL, 1);
  layout.bits = file.tag<uint16_t>(TIFFTAG_BITSPERSAMPLE, 1);
  layout.format = file.tag<uint16_t>(TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_UINT);
  if (layout.format == SAMPLEFORMAT_VOID) layout.format = SAMPLEFORMAT_UINT;
  if (layout.channels < 1 || layout.channels > most_channels) {
    file.refuse("the picture has too many channels", "1 to " + std::to_string(most_channels),
                std::to_string(layout.channels));
  }
  if (layout.bits < 1 || layout.bits > 64) {
    file.refuse("samples are too wide", "1 to 64 bits", std::to_string(layout.bits));
  }
  uint16_t count = 0;
  const uint16_t* kinds = nullptr;
  if (TIFFGetField(file.handle(), TIFFTAG_EXTRASAMPLES, &count, &kinds) == 1 && kinds != nullptr) {
    layout.extra_samples.assign(kinds, kinds + count);
  }
}

/// The tag is required, but some writers forget it.
int photometric_of(const TiffFile& file) {
  uint16_t value = 0;
  if (TIFFGetField(file.handle(), TIFFTAG_PHOTOMETRIC, &value) == 1) return value;
  return file.tag<uint16_t>(TIFFTAG_SAMPLESPERPIXEL, 1) >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK;
}

/// Asks codecs that can for colours that need no further work; before anything depends on the size of a
/// sample.
void prepare_codec(TiffFile& file, TiffLayout& layout) {
  if (layout.compression == COMPRESSION_SGILOG || layout.compression == COMPRESSION_SGILOG24) {
    if (TIFFSetField(file.handle(), TIFFTAG_SGILOGDATAFMT, SGILOGDATAFMT_FLOAT) != 1) file.fail();
  }
  if (layout.photometric != PHOTOMETRIC_YCBCR) return;
  layout.as_rgba = layout.compression != COMPRESSION_JPEG || layout.planar ||
                   file.tag<uint16_t>(TIFFTAG_SAMPLESPERPIXEL, 1) != 3;
  if (!layout.as_rgba && TIFFSetField(file.handle(), TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB) != 1) {
    file.fail();
  }
}

void read_blocks(TiffFile& file, TiffLayout& layout) {
  layout.tiled = TIFFIsTiled(file.handle()) != 0;
  if (!layout.tiled) {
    const auto rows = static_cast<int64_t>(file.tag<uint32_t>(TIFFTAG_ROWSPERSTRIP, UINT32_MAX));
    layout.block_width = layout.width;
    layout.block_height = rows < 1 ? layout.height : std::min(rows, layout.height);
    return;
  }
  layout.block_width = file.tag<uint32_t>(TIFFTAG_TILEWIDTH, 0);
  layout.block_height = file.tag<uint32_t>(TIFFTAG_TILELENGTH, 0);
  const std::string found = std::to_string(layout.block_width) + " x " + std::to_string(layout.block_height);
  if (std::min(layout.block_width, layout.block_height) < 1 ||
      std::max(layout.block_width, layout.block_height) > largest_tile_side) {
    file.refuse("tiles have an impossible size", "", found);
  }
  const int64_t pixels = layout.block_width * layout.block_height;
  if (pixels > small_tile_pixels && pixels / 4 > layout.width * layout.height) {
    file.refuse("tiles are much larger than the picture", "", found);
  }
}

/// What libtiff will deliver must be what buffers are made for.
void check_block_bytes(TiffFile& file, const TiffLayout& layout) {
  const uint64_t row = layout.packed_bytes(layout.block_width);
  const uint64_t delivered =
      layout.tiled ? TIFFTileRowSize64(file.handle()) : TIFFScanlineSize64(file.handle());
  const auto rows = static_cast<uint32_t>(layout.block_height);
  const uint64_t whole = layout.tiled ? TIFFTileSize64(file.handle()) : TIFFVStripSize64(file.handle(), rows);
  if (delivered != row || whole != row * rows) {
    file.refuse("rows have an unexpected size", std::to_string(row) + " bytes", std::to_string(delivered));
  }
  const bool whole_bytes = layout.packed_bytes(layout.block_width) * 8 ==
                           static_cast<uint64_t>(layout.block_width) *
                               static_cast<uint64_t>(layout.bits * (layout.planar ? 1 : layout.channels));
  if (layout.tiled && layout.block_width < layout.width && !whole_bytes) {
    file.refuse("tiles have an impossible width", "a multiple of 16", std::to_string(layout.block_width));
  }
}

}  // namespace

TiffLayout read_tiff_layout(TiffFile& file) {
  TiffLayout layout;
  layout.compression = file.tag<uint16_t>(TIFFTAG_COMPRESSION, COMPRESSION_NONE);
  if (TIFFIsCODECConfigured(static_cast<uint16_t>(layout.compression)) == 0) {
    file.refuse("this compression is unknown to the libtiff in use", "", std::to_string(layout.compression));
  }
  layout.photometric = photometric_of(file);
  layout.planar = file.tag<uint16_t>(TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) == PLANARCONFIG_SEPARATE;
  read_size(file, layout);
  prepare_codec(file, layout);
  read_samples(file, layout);
  layout.planar = layout.planar && layout.channels > 1;
  read_blocks(file, layout);
  if (!layout.as_rgba) check_block_bytes(file, layout);
  return layout;
}

}  // namespace esrgan
