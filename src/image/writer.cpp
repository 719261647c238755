#include <esrgan/error.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <map>
#include <sstream>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "image/oiio.h"
#include "image/rows.h"
#include "image/samples.h"

namespace esrgan {
namespace {

std::string lower_extension(const std::string& path) {
  std::string extension = std::filesystem::path(path).extension().string();
  if (extension.empty()) extension = path;  // a bare "png"
  if (!extension.empty() && extension[0] == '.') extension.erase(0, 1);
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return extension;
}

/// Sample types that a format can hold, the smallest first.
std::vector<SampleType> types_of(const std::string& extension) {
  static const std::map<std::string, std::vector<SampleType>> known{
      {"png", {SampleType::u8, SampleType::u16}},
      {"tif", {SampleType::u8, SampleType::u16, SampleType::f16, SampleType::f32}},
      {"tiff", {SampleType::u8, SampleType::u16, SampleType::f16, SampleType::f32}},
      {"exr", {SampleType::f16, SampleType::f32}},
      {"hdr", {SampleType::f32}},
      {"ppm", {SampleType::u8, SampleType::u16}},
      {"pgm", {SampleType::u8, SampleType::u16}},
      {"pnm", {SampleType::u8, SampleType::u16}},
      {"pfm", {SampleType::f32}},
      {"jp2", {SampleType::u8, SampleType::u16}},
      {"dpx", {SampleType::u8, SampleType::u16}}};
  const auto found = known.find(extension);
  return found == known.end() ? std::vector{SampleType::u8} : found->second;
}

/// The type to store: the wanted one, else the next larger, else the largest that the format has.
SampleType choose_type(const std::string& extension, SampleType wanted, int bit_depth) {
  const std::vector<SampleType> types = types_of(extension);
  if (bit_depth == 8) wanted = SampleType::u8;
  if (bit_depth == 16 && wanted != SampleType::f16) wanted = SampleType::u16;
  if (bit_depth == 32) wanted = SampleType::f32;
  for (const SampleType type : types)
    if (type >= wanted) return type;
  return types.back();
}

bool is_linear_format(const std::string& extension) {
  return extension == "exr" || extension == "hdr";
}

bool is_dropped(std::string_view name) {
  static constexpr std::array<std::string_view, 12> dropped{"Orientation",
                                                            "Exif:PixelXDimension",
                                                            "Exif:PixelYDimension",
                                                            "compression",
                                                            "oiio:ColorSpace",
                                                            "oiio:BitsPerSample",
                                                            "oiio:UnassociatedAlpha",
                                                            "tiff:PhotometricInterpretation",
                                                            "tiff:PlanarConfiguration",
                                                            "tiff:RowsPerStrip",
                                                            "tiff:Compression",
                                                            "planarconfig"};
  return std::find(dropped.begin(), dropped.end(), name) != dropped.end() || name.starts_with("thumbnail") ||
         name.starts_with("jpeg:") || name.starts_with("openexr:") || name.starts_with("png:") ||
         name.starts_with("webp:");
}

constexpr int png_level = 3;  // of zlib's 9

class FileSink : public RowSink {
 public:
  FileSink(const std::string& path, const ImageInfo& info, const WriteOptions& options)
      : path_(path), info_(info), file_(path) {
    prepare_oiio();
    const std::string extension = lower_extension(path);
    output_ = OIIO::ImageOutput::create(file_.temporary().string());
    if (!output_) {
      OIIO::geterror();
      throw Error(path, "images cannot be written in this format",
                  "an extension such as png, jpg, tif, webp or exr", "'" + extension + "'");
    }
    stored_ = info;
    if (info.has_alpha() && output_->supports("alpha") == 0) {
      stored_.channels = info.colours();
      log_warning(path + ": the format has no transparency; the picture is laid over white");
    }
    stored_.type = choose_type(extension, info.type, options.bit_depth);
    stored_.range.linear =
        is_linear_format(extension) || (info.range.linear && stored_.type >= SampleType::f16);
    premultiply_ = extension == "exr" && stored_.has_alpha();

    const OIIO::ImageSpec spec = make_spec(extension, options);
    if (!output_->open(file_.temporary().string(), spec)) fail();
  }

  void write(const float* rows, int count) override {
    const size_t from_row = info_.row_samples(), to_row = stored_.row_samples();
    for (int r = 0; r < count; ++r) {
      row_.assign(rows + static_cast<size_t>(r) * from_row, rows + static_cast<size_t>(r + 1) * from_row);
      transform_row();
      packed_.resize(to_row * size_of(stored_.type));
      pack_samples(row_.data(), to_row, stored_.type, packed_.data());
      if (!output_->write_scanline(y_++, 0, oiio_type(stored_.type), packed_.data())) fail();
    }
  }

  void finish() override {
    if (!output_->close()) fail();
    output_.reset();
    file_.commit();
  }

 private:
  [[noreturn]] void fail() {
    const std::string message = take_oiio_error(output_->geterror());
    throw Error(path_, "cannot be written: " + message);
  }

  OIIO::ImageSpec make_spec(const std::string& extension, const WriteOptions& options) const {
    OIIO::ImageSpec spec(stored_.width, stored_.height, stored_.channels, oiio_type(stored_.type));
    if (stored_.has_alpha()) spec.alpha_channel = stored_.channels - 1;
    if (stored_.channels == 2) spec.channelnames = {"Y", "A"};
    if (info_.metadata)
      for (const OIIO::ParamValue& attribute : info_.metadata->spec.extra_attribs)
        if (!is_dropped(attribute.name().string())) spec.extra_attribs.push_back(attribute);
    if (stored_.range.linear) spec.attribute("oiio:ColorSpace", "Linear");
    if (stored_.has_alpha() && !premultiply_) spec.attribute("oiio:UnassociatedAlpha", 1);
    const std::string quality = ":" + std::to_string(std::clamp(options.quality, 1, 100));
    if (extension == "jpg" || extension == "jpeg") {
      spec.attribute("Compression", "jpeg" + quality);
      spec.attribute("jpeg:subsampling", "4:4:4");
    }
    // Enlarged pictures are smooth: beyond this level the search for repetitions takes several times as long
    // and saves a few per cent (docs/benchmarks.md).
    if (extension == "png") spec.attribute("png:compressionLevel", png_level);
    if (extension == "webp") spec.attribute("Compression", "webp" + quality);
    if (extension == "tif" || extension == "tiff") spec.attribute("Compression", "zip");
    return spec;
  }

  /// From the network's [0, 1] to what the file is to hold: alpha laid over white, range and curve undone.
  void transform_row() {
    const auto channels = static_cast<size_t>(info_.channels), colours = static_cast<size_t>(info_.colours());
    const ValueRange& from = info_.range;
    const bool decode = from.linear || from.lo != 0 || from.hi != 1 || stored_.range.linear;
    if (!decode && stored_.channels == info_.channels && !premultiply_) return;
    size_t to = 0;
    for (size_t i = 0; i < row_.size(); i += channels) {
      const float alpha = info_.has_alpha() ? std::clamp(row_[i + channels - 1], 0.0F, 1.0F) : 1.0F;
      for (size_t c = 0; c < colours; ++c) {
        float value = from.lo + (from.hi - from.lo) * row_[i + c];
        if (stored_.channels != info_.channels) value = value * alpha + (1 - alpha);
        if (stored_.range.linear) value = linear_from_srgb(value);
        row_[to++] = premultiply_ ? value * alpha : value;
      }
      if (stored_.has_alpha()) row_[to++] = alpha;
    }
    row_.resize(to);
  }

  std::string path_;
  ImageInfo info_, stored_;
  AtomicFile file_;  // outlives output_, which closes the file that this one removes
  std::unique_ptr<OIIO::ImageOutput> output_;
  bool premultiply_ = false;
  int y_ = 0;
  std::vector<float> row_;
  std::vector<std::byte> packed_;
};

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// Whether an extension belongs to one of the formats that OpenImageIO lists under `format_list`.
bool listed(const char* format_list, const std::string& extension) {
  prepare_oiio();
  const std::vector<std::string> formats = split(OIIO::get_string_attribute(format_list), ',');
  // "tiff:tif,tiff,tx;jpeg:jpg,jpe,jpeg"
  for (const std::string& entry : split(OIIO::get_string_attribute("extension_list"), ';')) {
    const size_t colon = entry.find(':');
    if (colon == std::string::npos || !contains(formats, entry.substr(0, colon))) continue;
    if (contains(split(entry.substr(colon + 1), ','), lower_extension(extension))) return true;
  }
  return false;
}

}  // namespace

std::unique_ptr<RowSink> create_image(const std::string& path, const ImageInfo& info,
                                      const WriteOptions& options) {
  return std::make_unique<FileSink>(path, info, options);
}

void write_image(const Image& image, const std::string& path, const WriteOptions& options) {
  const auto source = make_source(std::shared_ptr<const Image>(std::shared_ptr<const Image>(), &image));
  const auto sink = create_image(path, image.info, options);
  std::vector<float> row(image.info.row_samples());
  for (int y = 0; y < image.info.height; ++y) {
    source->read(y, y + 1, row.data());
    sink->write(row.data(), 1);
  }
  sink->finish();
}

bool can_write(const std::string& extension) {
  // Formats of the list that hold no picture a user would want.
  static constexpr std::array<std::string_view, 4> odd{"null", "term", "zfile", "zif"};
  const std::string lower = lower_extension(extension);
  return std::find(odd.begin(), odd.end(), lower) == odd.end() && listed("output_format_list", lower);
}

bool can_read(const std::string& extension) {
  return listed("input_format_list", extension);
}

}  // namespace esrgan
