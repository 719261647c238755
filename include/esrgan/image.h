// Pictures in memory, and reading and writing them.
#pragma once

#include <esrgan/export.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace esrgan {

/// How one sample of one channel is stored.
enum class SampleType { u8, u16, f16, f32 };

ESRGAN_API size_t size_of(SampleType type);
ESRGAN_API const char* name_of(SampleType type);

/// ICC profile, EXIF, resolution and the like, as found in a file; opaque.
struct ImageMetadata;

/// How the samples of a floating-point image map to the range [0, 1] that networks work in:
/// value = decode(lo + (hi - lo) * sample), decode being the sRGB curve when `linear`. 8 and 16 bit images
/// have the defaults.
struct ValueRange {
  bool linear = false;
  float lo = 0, hi = 1;
};

/// What there is to know of a picture but its samples.
struct ImageInfo {
  int width = 0, height = 0;
  int channels = 0;  ///< 1 gray, 2 gray + alpha, 3 RGB, 4 RGB + alpha; alpha is not premultiplied
  SampleType type = SampleType::u8;
  ValueRange range;
  std::shared_ptr<const ImageMetadata> metadata;  ///< may be null

  bool has_alpha() const { return channels == 2 || channels == 4; }
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

/// What a file is written as. Zero or empty means: as the format and the image suggest.
struct WriteOptions {
  int quality = 95;   ///< JPEG and WebP, 1 to 100
  int bit_depth = 0;  ///< 8, 16 or 32; 0 keeps the image's, as far as the format can
};

/// Reads any file that OpenImageIO reads, the first picture of it. EXIF orientation is applied. Colour spaces
/// other than the image's own are left to its ICC profile, which is kept. Throws Error naming the file.
ESRGAN_API Image read_image(const std::string& path);

/// Writes in the format of the extension; appears whole or not at all. Alpha is laid over white where the
/// format has none. Throws Error naming the file.
ESRGAN_API void write_image(const Image& image, const std::string& path, const WriteOptions& options = {});

}  // namespace esrgan
