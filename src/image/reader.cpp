#include <esrgan/error.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <mutex>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "image/bleed.h"
#include "image/jpeg_check.h"
#include "image/oiio.h"
#include "image/rows.h"
#include "image/samples.h"

namespace esrgan {

void prepare_oiio() {
  static std::once_flag once;
  std::call_once(once, [] {
    OIIO::attribute("threads", 1);
    OIIO::attribute("exr_threads", 1);
  });
}

std::string take_oiio_error(std::string message) {
  std::replace(message.begin(), message.end(), '\n', ' ');
  while (!message.empty() && (message.back() == ' ' || message.back() == '.')) message.pop_back();
  return message.empty() ? "unknown reason" : message;
}

namespace {

SampleType sample_type_of(const OIIO::TypeDesc& type) {
  switch (type.basetype) {
    case OIIO::TypeDesc::UINT8:
      return SampleType::u8;
    case OIIO::TypeDesc::UINT16:
      return SampleType::u16;
    case OIIO::TypeDesc::HALF:
      return SampleType::f16;
    default:
      return SampleType::f32;
  }
}

/// Four characters at byte 16 of an ICC profile name the colour space of its data side (ICC.1:2010, 7.2).
std::string icc_colour_space(const OIIO::ImageSpec& spec) {
  const OIIO::ParamValue* profile = spec.find_attribute("ICCProfile");
  if (profile == nullptr || profile->datasize() < 20) return "";
  return {static_cast<const char*>(profile->data()) + 16, 4};
}

/// An open file with what we make of its header.
class OpenFile {
 public:
  explicit OpenFile(const std::string& path) : path_(path) {
    prepare_oiio();
    check_content();
    OIIO::ImageSpec config;
    config.attribute("oiio:UnassociatedAlpha", 1);
    input_ = OIIO::ImageInput::open(path, &config);
    if (!input_) throw Error(path_, "cannot be read as an image: " + take_oiio_error(OIIO::geterror()));
    examine();
  }

  const ImageInfo& info() const { return info_; }
  const OIIO::ImageSpec& spec() const { return input_->spec(); }
  int orientation() const { return orientation_; }
  bool premultiplied() const { return premultiplied_; }
  bool rows_in_order() const { return spec().tile_width == 0 && orientation_ == 1; }

  /// Rows [begin, end) in the file's own order and `type`.
  void read(int begin, int end, SampleType type, void* out) {
    const OIIO::ImageSpec& s = spec();
    const bool fine = s.tile_width == 0 ? input_->read_scanlines(0, 0, s.y + begin, s.y + end, 0, 0,
                                                                 info_.channels, oiio_type(type), out)
                                        : input_->read_tiles(0, 0, s.x, s.x + s.width, s.y + begin, s.y + end,
                                                             0, 1, 0, info_.channels, oiio_type(type), out);
    if (!fine) throw Error(path_, "damaged or truncated image: " + take_oiio_error(input_->geterror()));
  }

 private:
  void check_content() const {
    const MappedFile file(path_);  // also says clearly what is wrong with a missing or empty file
    if (looks_like_jpeg(file.bytes()) && !jpeg_is_complete(file.bytes()))
      throw Error(path_, "damaged or truncated image: the JPEG data has no end");
  }

  void examine() {
    const OIIO::ImageSpec& s = spec();
    if (s.width <= 0 || s.height <= 0 || s.depth > 1 || s.nchannels < 1 || s.width > 1'000'000 ||
        s.height > 1'000'000)
      throw Error(path_, "size of the image", "up to 1000000x1000000 pixels",
                  std::to_string(s.width) + "x" + std::to_string(s.height) + "x" + std::to_string(s.depth));
    info_.width = s.width;
    info_.height = s.height;
    info_.channels = s.nchannels;
    if (s.nchannels == 2 && s.alpha_channel != 1) info_.channels = 1;
    if (s.nchannels >= 4) info_.channels = s.alpha_channel == 3 ? 4 : 3;
    if (info_.channels != s.nchannels)
      log_warning(path_ + ": " + std::to_string(s.nchannels) + " channels, of which the first " +
                  std::to_string(info_.channels) + " are used");
    info_.type = sample_type_of(s.format);
    info_.range.linear =
        s.get_string_attribute("oiio:ColorSpace") == "Linear" && info_.type >= SampleType::f16;
    orientation_ = std::clamp(s.get_int_attribute("Orientation", 1), 1, 8);
    premultiplied_ = info_.has_alpha() && s.get_int_attribute("oiio:UnassociatedAlpha", 0) == 0;

    auto metadata = std::make_shared<ImageMetadata>();
    metadata->spec.extra_attribs = s.extra_attribs;
    const std::string profile = icc_colour_space(s);
    const std::string wanted = info_.colours() == 1 ? "GRAY" : "RGB ";
    if (!profile.empty() && profile != wanted) {
      log_warning(path_ + ": the colour profile is for " + profile +
                  " data and is dropped; the colours were converted");
      metadata->spec.erase_attribute("ICCProfile");
    }
    info_.metadata = std::move(metadata);
  }

  std::string path_;
  std::unique_ptr<OIIO::ImageInput> input_;
  ImageInfo info_;
  int orientation_ = 1;
  bool premultiplied_ = false;
};

class FileSource : public RowSource {
 public:
  explicit FileSource(std::unique_ptr<OpenFile> file) : file_(std::move(file)) {}
  const ImageInfo& info() const override { return file_->info(); }
  bool random_access() const override { return false; }
  size_t memory() const override { return 0; }

  void read(int begin, int end, float* out) override {
    if (end <= begin) return;
    const ImageInfo& i = file_->info();
    const size_t count = static_cast<size_t>(end - begin) * i.row_samples();
    raw_.resize(count * size_of(i.type));
    file_->read(begin, end, i.type, raw_.data());
    unpack_samples(raw_.data(), i.type, count, out);
  }

 private:
  std::unique_ptr<OpenFile> file_;
  std::vector<std::byte> raw_;
};

/// Moves the pixels as the EXIF orientation (1 to 8) demands.
void apply_orientation(Image& image, int orientation) {
  if (orientation == 1) return;
  const ImageInfo& i = image.info;
  const bool transposed = orientation >= 5;
  const size_t pixel = static_cast<size_t>(i.channels) * size_of(i.type);
  Image turned{i, std::vector<std::byte>(image.samples.size())};
  if (transposed) std::swap(turned.info.width, turned.info.height);
  for (int y = 0; y < turned.info.height; ++y)
    for (int x = 0; x < turned.info.width; ++x) {
      int sx = transposed ? y : x, sy = transposed ? x : y;
      // Of the stored picture: 2 and 3 are mirrored left to right, 3 and 4 top to bottom; 5 to 8 transposed
      // as well.
      if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) sx = i.width - 1 - sx;
      if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7)
        sy = i.height - 1 - sy;
      const size_t from =
          (static_cast<size_t>(sy) * static_cast<size_t>(i.width) + static_cast<size_t>(sx)) * pixel;
      const size_t to =
          (static_cast<size_t>(y) * static_cast<size_t>(turned.info.width) + static_cast<size_t>(x)) * pixel;
      std::memcpy(turned.samples.data() + to, image.samples.data() + from, pixel);
    }
  image = std::move(turned);
}

void unpremultiply(float* pixels, const ImageInfo& info) {
  const auto channels = static_cast<size_t>(info.channels);
  for (size_t i = 0; i < info.row_samples(); i += channels) {
    const float alpha = pixels[i + channels - 1];
    if (alpha > 0)
      for (size_t c = 0; c + 1 < channels; ++c) pixels[i + c] /= alpha;
  }
}

/// Brings floating-point colours into [0, 1], noting in info.range how to get back.
void normalise(std::vector<float>& pixels, ImageInfo& info, const std::string& path) {
  const auto channels = static_cast<size_t>(info.channels), colours = static_cast<size_t>(info.colours());
  float lo = 0, hi = 1;
  bool broken = false;
  for (size_t i = 0; i < pixels.size(); ++i) {
    if (!std::isfinite(pixels[i])) {
      pixels[i] = 0;
      broken = true;
    }
    if (i % channels >= colours) continue;
    if (info.range.linear) pixels[i] = srgb_from_linear(pixels[i]);
    lo = std::min(lo, pixels[i]);
    hi = std::max(hi, pixels[i]);
  }
  if (broken) log_warning(path + ": infinite or undefined samples are taken as 0");
  info.range.lo = lo;
  info.range.hi = hi;
  if (lo == 0 && hi == 1) return;
  for (size_t i = 0; i < pixels.size(); ++i)
    if (i % channels < colours) pixels[i] = (pixels[i] - lo) / (hi - lo);
}

Image read_whole(OpenFile& file, const std::string& path) {
  Image image{file.info(), {}};
  ImageInfo& i = image.info;
  if (i.type <= SampleType::u16 && !file.premultiplied()) {
    image.samples.resize(i.bytes());
    file.read(0, i.height, i.type, image.samples.data());
  } else {
    std::vector<float> pixels(i.row_samples() * static_cast<size_t>(i.height));
    file.read(0, i.height, SampleType::f32, pixels.data());
    for (int y = 0; file.premultiplied() && y < i.height; ++y)
      unpremultiply(pixels.data() + static_cast<size_t>(y) * i.row_samples(), i);
    if (i.type >= SampleType::f16) normalise(pixels, i, path);
    image.samples.resize(i.bytes());
    pack_samples(pixels.data(), pixels.size(), i.type, image.samples.data());
  }
  apply_orientation(image, file.orientation());
  return image;
}

}  // namespace

std::unique_ptr<RowSource> open_image(const std::string& path, bool whole, uint64_t memory_limit) {
  auto file = std::make_unique<OpenFile>(path);
  const ImageInfo& i = file->info();
  if (!whole && file->rows_in_order() && !i.has_alpha() && i.type <= SampleType::u16)
    return std::make_unique<FileSource>(std::move(file));
  // Floats and alpha are worked on as floats; turning needs a second copy.
  const bool as_floats = i.type >= SampleType::f16 || i.has_alpha();
  const uint64_t sample =
      as_floats ? 2 * sizeof(float) : size_of(i.type) * (file->orientation() != 1 ? 2 : 1);
  const uint64_t needed = sample * i.row_samples() * static_cast<uint64_t>(i.height);
  if (needed > memory_limit)
    throw Error(path,
                "this kind of image must be in memory as a whole, which takes " + format_memory_size(needed),
                "at most " + format_memory_size(memory_limit) + " (see --max-memory)");
  auto image = std::make_shared<Image>(read_whole(*file, path));
  bleed_colours(*image);
  return make_source(std::move(image));
}

Image read_image(const std::string& path) {
  OpenFile file(path);
  return read_whole(file, path);
}

}  // namespace esrgan
