// Writing OpenEXR.
#include <ImfChannelList.h>
#include <ImfChromaticitiesAttribute.h>
#include <ImfFrameBuffer.h>
#include <ImfIO.h>
#include <ImfOutputFile.h>
#include <ImfStandardAttributes.h>

#include <algorithm>
#include <array>

#include "image/codecs/modules/exr.h"
#include "image/codecs/modules/module.h"

namespace esrgan::exr {
namespace {

/// The sink as the library wants it. What the sink throws is kept: the library's destructors swallow
/// exceptions.
class Output : public Imf::OStream {
 public:
  Output(ByteSink& sink, std::exception_ptr& failure)
      : OStream(sink.name().c_str()),
        sink_(sink),
        failure_(failure),
        start_(sink.size()),
        position_(start_) {}

  void write(const char* from, int count) override {
    if (closed_) return;
    const std::span bytes(reinterpret_cast<const uint8_t*>(from), static_cast<size_t>(std::max(count, 0)));
    try {
      if (position_ == sink_.size()) {
        sink_.write(bytes);
      } else {
        sink_.write_at(position_, bytes);
      }
    } catch (...) {
      failure_ = std::current_exception();
      throw;
    }
    position_ += bytes.size();
  }
  uint64_t tellp() override { return position_ - start_; }
  void seekp(uint64_t position) override { position_ = start_ + position; }

  /// What is still written is dropped.
  void close() { closed_ = true; }

 private:
  ByteSink& sink_;
  std::exception_ptr& failure_;
  uint64_t start_, position_;
  bool closed_ = false;
};

std::vector<const char*> names_of(int channels) {
  switch (channels) {
    case 1:
      return {"Y"};
    case 2:
      return {"Y", "A"};
    case 3:
      return {"R", "G", "B"};
    default:
      return {"R", "G", "B", "A"};
  }
}

/// Threads beside the caller's.
int helpers(const EncodeOptions& options) {
  constexpr int most = 63;
  return std::clamp(options.threads - 1, 0, most);
}

class ExrEncoder : public Encoder {
 public:
  ExrEncoder(ByteSink& sink, EncodeOptions options)
      : sink_(sink), options_(std::move(options)), output_(sink, failure_) {}

  /// The library writes the table of its rows when a file goes, even an unfinished one.
  ~ExrEncoder() override { output_.close(); }
  ExrEncoder(const ExrEncoder&) = delete;
  ExrEncoder& operator=(const ExrEncoder&) = delete;
  ExrEncoder(ExrEncoder&&) = delete;
  ExrEncoder& operator=(ExrEncoder&&) = delete;

  void begin(const StoredPicture& picture) override {
    width_ = picture.width;
    height_ = picture.height;
    channels_ = picture.channels;
    type_ = picture.type;
    row_bytes_ = picture.row_bytes();
    guard([&] { file_.emplace(output_, header_of(picture), helpers(options_)); });
  }

  void write(const std::byte* rows, int count) override {
    if (count < 1) return;
    const auto names = names_of(channels_);
    const size_t sample = size_of(type_);
    guard([&] {
      Imf::FrameBuffer frame;
      for (size_t channel = 0; channel < names.size(); ++channel) {
        frame.insert(names[channel],
                     Imf::Slice::Make(library_type(), rows + channel * sample, Imath::V2i(0, row_), width_,
                                      count, sample * names.size(), row_bytes_));
      }
      file_->setFrameBuffer(frame);
      file_->writePixels(count);
    });
    row_ += count;
  }

  void end() override {}

  void finish() override {
    guard([&] { file_.reset(); });
    if (failure_) std::rethrow_exception(failure_);
    output_.close();
  }

  /// Chunks of rows, packed and not, for each thread two.
  uint64_t memory(const StoredPicture& picture) const override {
    constexpr uint64_t lines = 16;
    return uint64_t{picture.row_bytes()} * lines * 4 * static_cast<uint64_t>(std::max(options_.threads, 1));
  }

 private:
  template <typename Step>
  void guard(const Step& step) {
    guarded(sink_.name(), "OpenEXR file cannot be written", failure_, step);
  }

  Imf::PixelType library_type() const { return type_ == SampleType::f16 ? Imf::HALF : Imf::FLOAT; }

  Imf::Header header_of(const StoredPicture& picture) const {
    Imf::Header header(width_, height_);
    header.compression() = options_.compression == 0 ? Imf::NO_COMPRESSION : Imf::ZIP_COMPRESSION;
    for (const char* name : names_of(channels_)) header.channels().insert(name, Imf::Channel(library_type()));
    if (picture.metadata) describe(*picture.metadata, header);
    return header;
  }

  static void describe(const ImageMetadata& metadata, Imf::Header& header) {
    const auto& resolution = metadata.resolution;
    constexpr double centimetres = 2.54;  // of an inch
    const double to_inch = resolution.unit == Resolution::Unit::centimetre ? centimetres : 1;
    if (resolution.x > 0 && resolution.y > 0) {
      const double aspect = resolution.y / resolution.x;
      constexpr double extreme = 1000;  // the library refuses from a million on
      if (aspect > 1 / extreme && aspect < extreme) header.pixelAspectRatio() = static_cast<float>(aspect);
      if (resolution.unit != Resolution::Unit::none) {
        Imf::addXDensity(header, static_cast<float>(resolution.x * to_inch));
      }
    }
    if (!metadata.chromaticities) return;
    std::array<float, 8> xy{};
    std::transform(metadata.chromaticities->xy.begin(), metadata.chromaticities->xy.end(), xy.begin(),
                   [](double part) { return static_cast<float>(part); });
    if (std::all_of(xy.begin(), xy.end(), [](float part) { return part == 0; })) return;
    Imf::addChromaticities(
        header, Imf::Chromaticities({xy[2], xy[3]}, {xy[4], xy[5]}, {xy[6], xy[7]}, {xy[0], xy[1]}));
  }

  ByteSink& sink_;
  EncodeOptions options_;
  std::exception_ptr failure_;
  Output output_;
  std::optional<Imf::OutputFile> file_;
  int width_ = 0, height_ = 0, channels_ = 0, row_ = 0;
  SampleType type_ = SampleType::f16;
  size_t row_bytes_ = 0;
};

}  // namespace

std::unique_ptr<Encoder> create(ByteSink& sink, const EncodeOptions& options) {
  set_up_library(helpers(options));
  return std::make_unique<ExrEncoder>(sink, options);
}

}  // namespace esrgan::exr
