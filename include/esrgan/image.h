// Pictures in memory, and reading and writing them.
#pragma once

#include <esrgan/export.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace esrgan {

/// How one sample of one channel is stored. Pictures in memory have one of the first four; files may have
/// others.
enum class SampleType { u8, u16, f16, f32, i8, i16, u32, i32 };

/// Bytes of a sample.
constexpr size_t size_of(SampleType type) {
  switch (type) {
    case SampleType::u8:
    case SampleType::i8:
      return 1;
    case SampleType::u16:
    case SampleType::i16:
    case SampleType::f16:
      return 2;
    case SampleType::f32:
    case SampleType::u32:
    case SampleType::i32:
      break;
  }
  return 4;
}

ESRGAN_API const char* name_of(SampleType type);

/// ICC profile, EXIF, resolution and the like, as found in a file; opaque.
struct ImageMetadata;

/// How the samples of a picture whose values are numbers of their own (floats, signed and 32-bit integers)
/// map to the range [0, 1] that networks work in: value = decode(lo + (hi - lo) * sample), decode being the
/// sRGB curve when `linear`. Pictures with 8 and 16 unsigned bits have the defaults.
struct ValueRange {
  bool linear = false;
  double lo = 0, hi = 1;
  std::optional<SampleType> whole;                 ///< values are whole numbers, in a file of this type
  std::vector<std::array<double, 2>> of_channels;  ///< lo and hi of each, where they differ
  std::optional<std::array<double, 2>> held;       ///< the least and largest number that the file can hold

  bool is_default() const { return !linear && lo == 0 && hi == 1 && !whole && of_channels.empty(); }
  double lo_of(size_t channel) const { return of_channels.empty() ? lo : of_channels.at(channel)[0]; }
  double hi_of(size_t channel) const { return of_channels.empty() ? hi : of_channels.at(channel)[1]; }
};

/// Numbers that stand for no measurement, as a file stores them: GDAL's nodata, DICOM's pixel padding.
struct NoData {
  double least = 1, most = 0;  ///< all from one to the other; what is not a number is none in any case
  double value = 0;            ///< that is written, maybe NaN

  bool contains(double number) const { return number != number || (least <= number && number <= most); }
};

/// What there is to know of a picture but its samples.
struct ImageInfo {
  int width = 0, height = 0;
  int channels = 0;  ///< 1 gray, 2 gray + alpha, 3 RGB, 4 RGB + alpha (not premultiplied); and see bands
  SampleType type = SampleType::u8;
  ValueRange range;
  std::shared_ptr<const ImageMetadata> metadata;  ///< may be null
  int bits = 0;                                   ///< that count of a 16-bit sample: 10, 12 or 14; 0 for all
  double seconds = 0;                             ///< that a frame of an animation is shown
  std::optional<NoData> no_data = std::nullopt;   ///< samples that are no measurements: NaN in floats
  int bands =
      0;  ///< channels, from the last on, that are measurements of their own: neither colours nor alpha

  bool has_alpha() const { return bands == 0 && (channels == 2 || channels == 4); }
  int colours() const { return has_alpha() ? channels - 1 : channels; }
  size_t row_samples() const { return static_cast<size_t>(width) * static_cast<size_t>(channels); }
  size_t bytes() const { return row_samples() * static_cast<size_t>(height) * size_of(type); }
};

/// A picture: rows from top to bottom, pixels from left to right, channels interleaved, no padding.
struct Image {
  ImageInfo info;
  std::vector<std::byte> samples;  ///< info.bytes() bytes, in the machine's byte order

  template <typename T>
  T* data() {
    return reinterpret_cast<T*>(samples.data());
  }
  template <typename T>
  const T* data() const {
    return reinterpret_cast<const T*>(samples.data());
  }
};

/// How a file is written. Zero or empty means: as the format and the image suggest.
struct WriteOptions {
  std::string format;     ///< extension of the format; empty takes that of the file's name
  int quality = 95;       ///< of lossy formats, 1 to 100
  bool lossless = false;  ///< where a format has both ways; refused where it has only the lossy one
  int compression = -1;   ///< effort of lossless compression, 0 to 9; -1 chooses
  int bit_depth = 0;      ///< 8, 16 or 32; 0 keeps the image's, as far as the format can
  std::array<float, 3> background{1, 1, 1};  ///< RGB that transparency is laid over where a format has none
  double dpi = 0;                            ///< pixels per inch to be written into the file
  bool keep_metadata = true;       ///< EXIF, XMP, IPTC and texts; colour profiles are kept in any case
  std::string derivation;          ///< how the picture came to be, where a format asks (DICOM)
  bool cloud_optimised = false;    ///< a TIFF in tiles, with smaller copies, to be read over a network
  bool not_for_diagnosis = false;  ///< the user knows that results of networks are not: demanded by DICOM
  int threads = 1;                 ///< that may compress; 0 for one per processor
};

/// Reads the first picture of a file, "-" being standard input; the format is told by the content. EXIF
/// orientation is applied. Colour spaces other than the image's own are left to its ICC profile, which is
/// kept. Throws Error naming the file.
ESRGAN_API Image read_image(const std::string& path);

/// Writes in the format of the extension; appears whole or not at all. Alpha is laid over the background
/// where the format has none. Throws Error naming the file.
ESRGAN_API void write_image(const Image& image, const std::string& path, const WriteOptions& options = {});

/// What this library can do with a picture format, here and now.
struct FormatInfo {
  std::string name;
  std::vector<std::string> extensions;  ///< the usual one first
  bool readable = false, writable = false;
  std::string missing;   ///< what is to be installed, where it could be readable
  std::string channels;  ///< that can be written: gray, gray + alpha, RGB, RGB + alpha as "1234"
  std::vector<SampleType> types;
  bool lossy = false, lossless = false;
  bool icc = false, exif = false, xmp = false, iptc = false, text = false, several = false;
  bool of_its_kind = false;  ///< written only of pictures that came from such a file, whose patient or place
                             ///< they keep
  int64_t largest_side = 0;  ///< pixels that can be written; 0 for no limit of the format's own
};
ESRGAN_API std::vector<FormatInfo> list_formats();

}  // namespace esrgan
