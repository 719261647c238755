// The long tail of formats, by OpenImageIO. Files go through anonymous files in memory: so it sees no names
// of ours, and whether all was written is checked by us.
#include <OpenImageIO/imageio.h>
#include <OpenImageIO/tiffutils.h>
#include <esrgan/error.h>
#include <esrgan/version.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/errors.h"
#include "base/limits.h"
#include "image/codecs/codec.h"
#include "image/codecs/modules/module.h"

namespace esrgan {
namespace {

/// A file in memory, which has a path while it is open.
class MemoryFile {
 public:
  MemoryFile() : file_(::memfd_create("esrgan", MFD_CLOEXEC)) {
    if (file_ < 0) throw file_error("", "a file in memory cannot be made", errno);
  }
  ~MemoryFile() { ::close(file_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  MemoryFile(MemoryFile&&) = delete;
  MemoryFile& operator=(MemoryFile&&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(file_); }

  void fill(const ByteSource& source) const {
    std::vector<uint8_t> piece(1 << 18U);
    for (uint64_t at = 0; at < source.size();) {
      const size_t count = source.read_at(at, piece);
      if (count == 0) break;
      for (size_t done = 0; done < count;) {
        const ssize_t written = ::write(file_, piece.data() + done, count - done);
        if (written < 0) throw file_error(source.name(), "cannot be read", errno);
        done += static_cast<size_t>(written);
      }
      at += count;
    }
  }

  void send(ByteSink& sink) const {
    std::vector<uint8_t> piece(1 << 18U);
    for (off_t at = 0;;) {
      const ssize_t count = ::pread(file_, piece.data(), piece.size(), at);
      if (count < 0) throw file_error(sink.name(), "cannot be written", errno);
      if (count == 0) return;
      sink.write({piece.data(), static_cast<size_t>(count)});
      at += count;
    }
  }

 private:
  int file_;
};

std::string one_line(std::string message) {
  std::replace(message.begin(), message.end(), '\n', ' ');
  while (!message.empty() && (message.back() == ' ' || message.back() == '.')) message.pop_back();
  return message.empty() ? "unknown reason" : message;
}

const char* plugin_of(std::string_view codec) {
  static constexpr std::array<std::pair<std::string_view, const char*>, 14> plugins{
      {{"GIF", "gif"},
       {"Targa", "targa"},
       {"Radiance HDR", "hdr"},
       {"JPEG 2000", "jpeg2000"},
       {"SGI", "sgi"},
       {"DPX", "dpx"},
       {"DDS", "dds"},
       {"ICO", "ico"},
       {"Photoshop", "psd"},
       {"Cineon", "cineon"},
       {"IFF", "iff"},
       {"RLA", "rla"},
       {"Softimage", "softimage"},
       {"camera raw", "raw"}}};
  for (const auto& [name, plugin] : plugins)
    if (name == codec) return plugin;
  return "";
}

OIIO::TypeDesc oiio_type(SampleType type) {
  switch (type) {
    case SampleType::u8:
      return OIIO::TypeDesc::UINT8;
    case SampleType::u16:
      return OIIO::TypeDesc::UINT16;
    case SampleType::f16:
      return OIIO::TypeDesc::HALF;
    default:
      return OIIO::TypeDesc::FLOAT;
  }
}

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

class OiioDecoder : public Decoder {
 public:
  OiioDecoder(std::string_view codec, std::shared_ptr<const ByteSource> source)
      : codec_(codec), source_(std::move(source)) {
    file_.fill(*source_);
    input_ = OIIO::ImageInput::create(plugin_of(codec));
    if (!input_) fail(OIIO::geterror());
    input_->threads(1);
    OIIO::ImageSpec spec, wishes;
    wishes.attribute("oiio:UnassociatedAlpha", 1);
    if (!input_->open(file_.path(), spec, wishes)) fail(input_->geterror());
    survey();
    examine();
  }

  const StoredPicture& picture() const override { return picture_; }
  uint64_t memory() const override { return source_->size() + bytes_of_picture(picture_); }
  int pictures() const override { return codec_ == "GIF" ? count_ : 1; }

  void next() override {
    ++place_;
    whole_.clear();
    y_ = 0;
    examine();
  }

  void read(int count, std::byte* rows) override {
    if (whole_.empty()) read_whole();
    const size_t row = picture_.row_bytes();
    std::memcpy(rows, whole_.data() + static_cast<size_t>(y_) * row, static_cast<size_t>(count) * row);
    y_ += count;
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw Error(ErrorKind::bad_data, source_->name(), "damaged or truncated image: " + one_line(message));
  }

  /// Counts the pictures; of an icon's the largest is the one.
  void survey() {
    constexpr int most = static_cast<int>(limits::pictures_in_file);
    int64_t largest = 0;
    for (count_ = 0; count_ < most && input_->seek_subimage(count_, 0); ++count_) {
      const OIIO::ImageSpec spec = input_->spec();
      if (codec_ == "ICO" && int64_t{spec.width} * spec.height > largest) {
        largest = int64_t{spec.width} * spec.height;
        place_ = count_;
      }
      if (codec_ != "ICO" && codec_ != "GIF") break;
    }
    input_->geterror();
  }

  void examine() {
    if (!input_->seek_subimage(place_, 0)) fail(input_->geterror());
    const OIIO::ImageSpec& s = input_->spec();
    check_size(source_->name(), s.width, s.depth > 1 ? 0 : s.height);
    picture_ = {};
    picture_.width = s.width;
    picture_.height = s.height;
    picture_.channels = channels_of(s);
    picture_.type = sample_type_of(s.format);
    const int bits = s.get_int_attribute("oiio:BitsPerSample", 0);
    if (picture_.type == SampleType::u16 && (bits == 10 || bits == 12 || bits == 14)) picture_.bits = bits;
    const std::string curve = s.get_string_attribute("oiio:ColorSpace");
    picture_.linear =
        picture_.type >= SampleType::f16 && curve.size() >= 3 && strncasecmp(curve.c_str(), "lin", 3) == 0;
    // These store colours as they are, and are not asked by OpenImageIO whether they do.
    const bool always_straight = codec_ == "DDS" || codec_ == "GIF" || codec_ == "ICO";
    if (picture_.channels % 2 == 0)
      picture_.alpha = always_straight || s.get_int_attribute("oiio:UnassociatedAlpha", 0) != 0
                           ? Alpha::straight
                           : Alpha::associated;
    picture_.orientation = std::clamp(s.get_int_attribute("Orientation", 1), 1, 8);
    const OIIO::ParamValue* fps = s.find_attribute("FramesPerSecond");
    if (codec_ == "GIF" && fps != nullptr && fps->get_float() > 0) picture_.seconds = 1 / fps->get_float();
    if (count_ > 1 && codec_ == "ICO")
      picture_.remarks.push_back("the largest of " + std::to_string(count_) + " pictures is used");
    take_metadata(s);
  }

  int channels_of(const OIIO::ImageSpec& s) {
    int channels = s.nchannels;
    if (channels == 2 && s.alpha_channel != 1) channels = 1;
    // Of GIF, transparency is not named.
    if (channels >= 4) channels = s.alpha_channel == 3 || (codec_ == "GIF" && channels == 4) ? 4 : 3;
    if (channels != s.nchannels)
      picture_.remarks.push_back(std::to_string(s.nchannels) + " channels, of which the first " +
                                 std::to_string(channels) + " are used");
    return channels;
  }

  void take_metadata(const OIIO::ImageSpec& s) {
    auto metadata = std::make_shared<ImageMetadata>();
    if (const OIIO::ParamValue* profile = s.find_attribute("ICCProfile")) {
      const auto* bytes = static_cast<const uint8_t*>(profile->data());
      metadata->icc.assign(bytes, bytes + profile->datasize());
    }
    if (s.find_attribute("Make") != nullptr || s.find_attribute("Exif:ExposureTime") != nullptr) {
      OIIO::ImageSpec described;
      described.extra_attribs = s.extra_attribs;
      described.erase_attribute("Orientation");
      std::vector<char> block;
      OIIO::encode_exif(described, block);
      const size_t start = block.size() >= 6 && std::memcmp(block.data(), "Exif\0\0", 6) == 0 ? 6 : 0;
      metadata->exif.assign(block.begin() + static_cast<ptrdiff_t>(start), block.end());
    }
    metadata->resolution = {s.get_float_attribute("XResolution"), s.get_float_attribute("YResolution"),
                            s.get_string_attribute("ResolutionUnit") == "cm" ? Resolution::Unit::centimetre
                                                                             : Resolution::Unit::inch};
    metadata->loops = s.get_int_attribute("gif:LoopCount", 0);
    picture_.metadata = std::move(metadata);
  }

  void read_whole() {
    const size_t row = picture_.row_bytes();
    whole_.resize(row * static_cast<size_t>(picture_.height));
    if (!input_->read_image(place_, 0, 0, picture_.channels, oiio_type(picture_.type), whole_.data()))
      fail(input_->geterror());
  }

  std::string codec_;
  std::shared_ptr<const ByteSource> source_;
  MemoryFile file_;
  std::unique_ptr<OIIO::ImageInput> input_;
  StoredPicture picture_;
  int place_ = 0, count_ = 1, y_ = 0;
  std::vector<std::byte> whole_;
};

class OiioEncoder : public Encoder {
 public:
  OiioEncoder(std::string_view codec, ByteSink& sink) : codec_(codec), sink_(sink) {}

  void begin(const StoredPicture& picture) override {
    picture_ = picture;
    output_ = OIIO::ImageOutput::create(plugin_of(codec_));
    if (!output_) fail(OIIO::geterror());
    OIIO::ImageSpec spec(picture.width, picture.height, picture.channels, oiio_type(picture.type));
    if (picture.alpha != Alpha::none) {
      spec.alpha_channel = picture.channels - 1;
      spec.attribute("oiio:UnassociatedAlpha", 1);
    }
    if (picture.linear) spec.attribute("oiio:ColorSpace", "Linear");
    // Without it, DPX and JPEG 2000 take fewer.
    if (picture.bits != 0) spec.attribute("oiio:BitsPerSample", picture.bits);
    if (!output_->open(file_.path(), spec)) fail(output_->geterror());
  }

  void write(const std::byte* rows, int count) override {
    for (int i = 0; i < count; ++i, rows += picture_.row_bytes())
      if (!output_->write_scanline(y_++, 0, oiio_type(picture_.type), rows)) fail(output_->geterror());
  }

  void end() override {
    if (!output_->close()) fail(output_->geterror());
    output_.reset();
  }

  void finish() override {
    file_.send(sink_);
    if (sink_.size() == 0) fail("OpenImageIO wrote nothing");
  }

  uint64_t memory(const StoredPicture& picture) const override { return 2 * bytes_of_picture(picture); }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw Error(ErrorKind::io, sink_.name(), "cannot be written: " + one_line(message));
  }

  std::string codec_;
  ByteSink& sink_;
  MemoryFile file_;  // outlives output_
  std::unique_ptr<OIIO::ImageOutput> output_;
  StoredPicture picture_;
  int y_ = 0;
};

const CodecModule module{
    ESRGAN_VERSION,
    [](std::string_view codec, std::shared_ptr<const ByteSource> source) -> std::unique_ptr<Decoder> {
      return std::make_unique<OiioDecoder>(codec, std::move(source));
    },
    [](std::string_view codec, ByteSink& sink, const EncodeOptions&) -> std::unique_ptr<Encoder> {
      return std::make_unique<OiioEncoder>(codec, sink);
    }};

}  // namespace
}  // namespace esrgan

extern "C" __attribute__((visibility("default"))) const esrgan::CodecModule* esrgan_codec_module() {
  return &esrgan::module;
}
