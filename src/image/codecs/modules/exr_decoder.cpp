// Reading OpenEXR.
#include <ImfChannelList.h>
#include <ImfChromaticitiesAttribute.h>
#include <ImfFrameBuffer.h>
#include <ImfHeader.h>
#include <ImfIO.h>
#include <ImfInputFile.h>
#include <ImfPartType.h>
#include <ImfRgbaFile.h>
#include <ImfRgbaYca.h>
#include <ImfStandardAttributes.h>
#include <ImfThreading.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>

#include "image/codecs/modules/exr.h"
#include "image/codecs/modules/module.h"

namespace esrgan::exr {
namespace {

/// The source as the library wants it. What the source throws is kept: the library makes texts of exceptions.
class Input : public Imf::IStream {
 public:
  Input(const ByteSource& source, std::exception_ptr& failure)
      : IStream(source.name().c_str()), source_(source), failure_(failure) {}

  bool read(char* to, int count) override {
    const auto wanted = static_cast<size_t>(std::max(count, 0));
    size_t got = 0;
    try {
      got = source_.read_at(offset_, {reinterpret_cast<uint8_t*>(to), wanted});
    } catch (...) {
      failure_ = std::current_exception();
      throw;
    }
    offset_ += got;
    if (got < wanted) throw std::runtime_error("the file is cut off");
    return offset_ < source_.size();
  }
  uint64_t tellg() override { return offset_; }
  void seekg(uint64_t offset) override { offset_ = offset; }

 private:
  const ByteSource& source_;
  std::exception_ptr& failure_;
  uint64_t offset_ = 0;
};

/// Which channels of the file make the picture.
struct Selection {
  std::vector<std::string> names;  ///< in the picture's order, alpha last
  bool chroma = false;  ///< luminance, and chroma at half the resolution, that only RgbaInputFile joins
  bool alpha = false;
  bool full = false;  ///< 32-bit floats, not halfs
  std::vector<std::string> remarks;
};

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::vector<std::string> names_of(const Imf::ChannelList& channels) {
  std::vector<std::string> names;
  for (auto channel = channels.begin(); channel != channels.end(); ++channel)
    names.emplace_back(channel.name());
  return names;
}

std::vector<std::string> colour_names(const Imf::ChannelList& channels, const std::string& file) {
  const auto has = [&](const char* name) { return channels.findChannel(name) != nullptr; };
  if (has("R") && has("G") && has("B")) return {"R", "G", "B"};
  if (has("Y")) return {"Y"};
  auto names = names_of(channels);
  if (names.size() == 1) return names;
  if (names.size() > 8) {
    names.resize(8);
    names.emplace_back("...");
  }
  throw Error(ErrorKind::unsupported, file, "OpenEXR file without a usual picture",
              "channels R, G and B, or Y, or only one", joined(names));
}

Selection select(const Imf::ChannelList& channels, const std::string& file) {
  Selection selection;
  selection.names = colour_names(channels, file);
  selection.chroma =
      selection.names.front() == "Y" && channels.findChannel("RY") && channels.findChannel("BY");
  selection.alpha = selection.names.front() != "A" && channels.findChannel("A") != nullptr;
  if (selection.alpha) selection.names.emplace_back("A");
  for (const auto& name : selection.names) {
    const auto& channel = channels[name.c_str()];
    if (channel.type == Imf::UINT) {
      throw Error(ErrorKind::unsupported, file, "OpenEXR channel " + name + " has whole numbers",
                  "floating-point ones");
    }
    if (channel.xSampling != 1 || channel.ySampling != 1) {
      throw Error(ErrorKind::unsupported, file, "OpenEXR channel " + name + " is subsampled");
    }
    selection.full |= channel.type == Imf::FLOAT;
  }
  const size_t used = selection.names.size() + (selection.chroma ? 2 : 0);
  const size_t all = names_of(channels).size();
  if (all > used) {
    selection.remarks.push_back(std::to_string(all) + " channels, of which " + joined(selection.names) +
                                (selection.chroma ? ", RY, BY" : "") + (used == 1 ? " is" : " are") +
                                " used");
  }
  return selection;
}

int lines_of_chunk(Imf::Compression compression) {
  switch (compression) {
    case Imf::ZIP_COMPRESSION:
    case Imf::PXR24_COMPRESSION:
      return 16;
    case Imf::PIZ_COMPRESSION:
    case Imf::B44_COMPRESSION:
    case Imf::B44A_COMPRESSION:
    case Imf::DWAA_COMPRESSION:
      return 32;
    case Imf::DWAB_COMPRESSION:
      return 256;
    default:
      return 1;
  }
}

class ExrDecoder : public Decoder {
 public:
  explicit ExrDecoder(std::shared_ptr<const ByteSource> source)
      : source_(std::move(source)), input_(*source_, failure_), joined_input_(*source_, failure_) {
    check_headers(*source_);
    guard([&] {
      file_.emplace(input_, 0);
      describe();
    });
  }

  const StoredPicture& picture() const override { return picture_; }

  /// The library holds a chunk of rows of all channels, packed and not, and a row of tiles.
  uint64_t memory() const override {
    uint64_t pixel = 0;
    const auto& header = file_->header();
    for (auto channel = header.channels().begin(); channel != header.channels().end(); ++channel) {
      pixel += channel.channel().type == Imf::HALF ? 2 : 4;
    }
    const auto width = static_cast<uint64_t>(picture_.width);
    constexpr uint64_t chroma_rows = 80;  // that RgbaInputFile filters and keeps, 8 bytes each pixel
    const uint64_t chroma = selection_.chroma ? chroma_rows * width * sizeof(Imf::Rgba) : 0;
    if (!header.hasTileDescription()) {
      return 3 * pixel * width * static_cast<uint64_t>(lines_of_chunk(header.compression())) + chroma;
    }
    const auto& tile = header.tileDescription();
    return pixel * tile.ySize * (width + 4 * uint64_t{tile.xSize}) + chroma;
  }

  void read(int count, std::byte* rows) override {
    if (count < 1) return;
    guard([&] {
      if (selection_.chroma) {
        read_chroma(count, rows);
      } else {
        read_channels(count, rows);
      }
    });
    row_ += count;
  }

 private:
  template <typename Step>
  void guard(const Step& step) {
    guarded(source_->name(), "OpenEXR file cannot be read", failure_, step);
  }

  void describe() {
    const auto& header = file_->header();
    if (header.hasType() && Imf::isDeepData(header.type())) {
      throw Error(ErrorKind::unsupported, source_->name(), "OpenEXR file has deep data", "a flat picture");
    }
    window_ = header.dataWindow();
    selection_ = select(header.channels(), source_->name());
    picture_.width = window_.max.x - window_.min.x + 1;
    picture_.height = window_.max.y - window_.min.y + 1;
    check_size(source_->name(), picture_.width, picture_.height);
    picture_.channels = static_cast<int>(selection_.names.size()) + (selection_.chroma ? 2 : 0);
    picture_.type = selection_.full && !selection_.chroma ? SampleType::f32 : SampleType::f16;
    picture_.alpha = selection_.alpha ? Alpha::associated : Alpha::none;
    picture_.linear = true;
    picture_.remarks = selection_.remarks;
    if (window_ != header.displayWindow()) {
      picture_.remarks.emplace_back("the data window is used, which is not the display window");
    }
    if (!file_->isComplete()) picture_.remarks.emplace_back("the file is not complete");
    picture_.metadata = metadata_of(header);
  }

  static std::shared_ptr<const ImageMetadata> metadata_of(const Imf::Header& header) {
    auto metadata = std::make_shared<ImageMetadata>();
    if (Imf::hasChromaticities(header)) {
      const auto& is = Imf::chromaticities(header);
      const Imf::Chromaticities usual;  // Rec. 709
      const auto near = [](const Imath::V2f& a, const Imath::V2f& b) {
        return a.equalWithAbsError(b, 1e-4F);
      };
      const bool same = near(is.red, usual.red) && near(is.green, usual.green) && near(is.blue, usual.blue) &&
                        near(is.white, usual.white);
      const std::array<float, 8> xy{is.white.x, is.white.y, is.red.x,  is.red.y,
                                    is.green.x, is.green.y, is.blue.x, is.blue.y};
      const bool usable = std::all_of(xy.begin(), xy.end(), [](float part) { return std::isfinite(part); });
      if (!same && usable) {
        auto& chromaticities = metadata->chromaticities.emplace();
        std::copy(xy.begin(), xy.end(), chromaticities.xy.begin());
        chromaticities.gamma = 1;
      }
    }
    if (Imf::hasXDensity(header)) {
      const double x = Imf::xDensity(header);
      const double y = x * header.pixelAspectRatio();
      if (std::isfinite(y) && x > 0 && y > 0) metadata->resolution = {x, y, Resolution::Unit::inch};
    }
    return metadata;
  }

  void read_channels(int count, std::byte* rows) {
    const size_t sample = size_of(picture_.type), pixel = sample * selection_.names.size();
    const size_t row = picture_.row_bytes();
    Imf::FrameBuffer frame;
    for (size_t channel = 0; channel < selection_.names.size(); ++channel) {
      frame.insert(selection_.names[channel],
                   Imf::Slice::Make(picture_.type == SampleType::f16 ? Imf::HALF : Imf::FLOAT,
                                    rows + channel * sample, Imath::V2i(window_.min.x, window_.min.y + row_),
                                    picture_.width, count, pixel, row));
    }
    file_->setFrameBuffer(frame);
    file_->readPixels(window_.min.y + row_, window_.min.y + row_ + count - 1);
  }

  void read_chroma(int count, std::byte* rows) {
    if (!joined_) joined_.emplace(joined_input_, 0);
    std::vector<Imf::Rgba> line(static_cast<size_t>(picture_.width));
    for (int row = 0; row < count; ++row) {
      const int y = window_.min.y + row_ + row;
      // The base is where the pixel (0, 0) would be: reckoned as a number, since a pointer may not go there.
      const auto base = reinterpret_cast<intptr_t>(line.data()) -
                        static_cast<intptr_t>(window_.min.x) * static_cast<intptr_t>(sizeof(Imf::Rgba));
      auto* origin = reinterpret_cast<Imf::Rgba*>(base);  // NOLINT(performance-no-int-to-ptr)
      joined_->setFrameBuffer(origin, 1, 0);
      joined_->readPixels(y);
      auto* to = reinterpret_cast<uint16_t*>(rows + static_cast<size_t>(row) * picture_.row_bytes());
      for (const auto& pixel : line) {
        *to++ = pixel.r.bits();
        *to++ = pixel.g.bits();
        *to++ = pixel.b.bits();
        if (selection_.alpha) *to++ = pixel.a.bits();
      }
    }
  }

  std::shared_ptr<const ByteSource> source_;
  std::exception_ptr failure_;
  Input input_, joined_input_;
  std::optional<Imf::InputFile> file_;
  std::optional<Imf::RgbaInputFile> joined_;
  Selection selection_;
  Imath::Box2i window_;
  StoredPicture picture_;
  int row_ = 0;
};

}  // namespace

void set_up_library(int threads) {
  static std::mutex mutex;
  static bool done = false;
  const std::lock_guard lock(mutex);
  if (!done) {
    constexpr auto side = static_cast<int>(limits::picture_side);
    Imf::staticInitialize();
    Imf::Header::setMaxImageSize(side, side);
    Imf::Header::setMaxTileSize(side, side);
    done = true;
  }
  // One pool serves the process; it has no threads in the beginning, and then works in the caller's.
  if (threads > Imf::globalThreadCount()) Imf::setGlobalThreadCount(threads);
}

std::unique_ptr<Decoder> open(std::shared_ptr<const ByteSource> source) {
  set_up_library(0);
  return std::make_unique<ExrDecoder>(std::move(source));
}

}  // namespace esrgan::exr
