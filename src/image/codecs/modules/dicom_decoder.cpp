// Reading DICOM.
#include <dcmtk/dcmdata/dcistrmb.h>
#include <esrgan/error.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "image/codecs/modules/dicom.h"
#include "image/codecs/modules/module.h"
#include "image/codecs/spread.h"

namespace esrgan::dicom {
namespace {

/// Uncompressed, or compressed without loss.
bool is_lossless(E_TransferSyntax syntax) {
  switch (syntax) {
    case EXS_LittleEndianImplicit:
    case EXS_LittleEndianExplicit:
    case EXS_BigEndianExplicit:
    case EXS_DeflatedLittleEndianExplicit:
    case EXS_RLELossless:
    case EXS_JPEGProcess14:
    case EXS_JPEGProcess14SV1:
    case EXS_JPEGLSLossless:
      return true;
    default:
      return false;
  }
}

/// DCMTK takes memory for what an element claims to have, before it looks whether that is there. This stream
/// says of elements that claim too much that they may be read later, from nothing.
class BoundedStream : public DcmInputBufferStream {
  class Nothing : public DcmInputStreamFactory {
    DcmInputStream* create() const override { return new DcmInputBufferStream; }
    DcmInputStreamFactory* clone() const override { return new Nothing; }
    DcmInputStreamFactoryType ident() const override { return DFT_DcmInputFileStreamFactory; }
  };
  DcmInputStreamFactory* newFactory() const override { return new Nothing; }
};

/// Most that bytes of a file can become: by its deflation, or by the compression of pixels.
uint64_t most_unpacked(uint64_t bytes) {
  constexpr uint64_t ratio = 4096, least = uint64_t{1} << 26U;
  return std::max(least, ratio * bytes);
}

/// Colours that a number stands for (PS3.3, C.7.6.3.1.5).
struct Palette {
  int first = 0;
  std::array<std::vector<uint8_t>, 3> colours;

  uint8_t colour(int64_t number, size_t c) const {
    const auto last = static_cast<int64_t>(colours.at(c).size()) - 1;
    return colours.at(c)[static_cast<size_t>(std::clamp<int64_t>(number - first, 0, last))];
  }
};

Palette read_palette(DcmDataset& data, const std::string& file) {
  Palette palette;
  const std::array<DcmTagKey, 3> descriptions{DCM_RedPaletteColorLookupTableDescriptor,
                                              DCM_GreenPaletteColorLookupTableDescriptor,
                                              DCM_BluePaletteColorLookupTableDescriptor},
      tables{DCM_RedPaletteColorLookupTableData, DCM_GreenPaletteColorLookupTableData,
             DCM_BluePaletteColorLookupTableData};
  for (size_t c = 0; c < 3; ++c) {
    std::array<Uint16, 3> description{};
    for (size_t i = 0; i < 3; ++i)
      check(data.findAndGetUint16(descriptions.at(c), description.at(i), static_cast<unsigned long>(i)), file,
            "its palette is damaged");
    const size_t entries = description[0] == 0 ? 65536 : description[0];
    palette.first = static_cast<int16_t>(description[1]);
    const Uint16* words = nullptr;
    unsigned long count = 0;
    check(data.findAndGetUint16Array(tables.at(c), words, &count), file, "its palette is damaged");
    const bool packed = description[2] == 8 && count * 2 == entries + entries % 2;  // two in a word
    if (!packed && count < entries)
      throw Error(ErrorKind::bad_data, file, "entries of its palette", std::to_string(entries),
                  std::to_string(count));
    for (size_t i = 0; i < entries; ++i)
      palette.colours.at(c).push_back(static_cast<uint8_t>(packed ? words[i / 2] >> (i % 2 * 8) & 0xFFU
                                                           : description[2] == 16 ? words[i] >> 8U
                                                                                  : words[i] & 0xFFU));
  }
  return palette;
}

class DicomDecoder : public Decoder {
 public:
  explicit DicomDecoder(std::shared_ptr<const ByteSource> source)
      : file_(source->name()), source_(std::move(source)) {
    read_file(*source_);
    source_.reset();
    DcmDataset& data = *format_.getDataset();
    const int width = number_of(data, DCM_Columns, file_), height = number_of(data, DCM_Rows, file_);
    check_size(file_, width, height);
    samples_ = number_of(data, DCM_SamplesPerPixel, file_);
    bits_ = pixel_format(data, file_);
    photometric_ = text_of(data, DCM_PhotometricInterpretation);
    picture_.width = width;
    picture_.height = height;
    choose_type(data);
    take_pixels(data);
    if (picture_.channels == 1) picture_.series = text_of(data, DCM_SeriesInstanceUID);
    auto metadata = std::make_shared<ImageMetadata>();
    metadata->dicom = bytes_of(data, file_);
    picture_.metadata = std::move(metadata);
  }

  const StoredPicture& picture() const override { return picture_; }
  uint64_t memory() const override { return pixels_.size(); }
  int pictures() const override { return frames_; }

  void next() override {
    ++frame_;
    row_ = 0;
  }

  void read(int count, std::byte* rows) override {
    const size_t numbers = static_cast<size_t>(picture_.width) * static_cast<size_t>(samples_);
    for (int y = 0; y < count; ++y, ++row_, rows += picture_.row_bytes()) read_row(rows, numbers);
  }

 private:
  void read_file(const ByteSource& source) {
    std::vector<uint8_t> bytes(source.size());
    bytes.resize(source.read_at(0, bytes));
    BoundedStream stream;
    stream.setBuffer(bytes.data(), static_cast<offile_off_t>(bytes.size()));
    stream.setEos();
    format_.transferInit();
    const auto most = static_cast<Uint32>(std::min<uint64_t>(most_unpacked(bytes.size()), UINT32_MAX - 1));
    check(format_.read(stream, EXS_Unknown, EGL_noChange, most), file_, "is damaged");
    format_.transferEnd();
    DcmDataset& data = *format_.getDataset();
    check(data.loadAllDataIntoMemory(), file_, "is damaged");
    const E_TransferSyntax syntax = data.getOriginalXfer();
    if (!is_lossless(syntax))
      throw Error(ErrorKind::unsupported, file_, "compression of its pixels", "one without loss",
                  DcmXfer(syntax).getXferName());
    check_size_of_pixels(data, bytes.size());
    check(data.chooseRepresentation(EXS_LittleEndianExplicit, nullptr), file_,
          "its pixels cannot be unpacked");
    data.removeAllButCurrentRepresentations();
  }

  /// Before they are unpacked.
  void check_size_of_pixels(DcmDataset& data, uint64_t file_size) const {
    Sint32 frames = 1;
    if (data.findAndGetSint32(DCM_NumberOfFrames, frames).bad() || frames < 1) frames = 1;
    const auto number = [&](const DcmTagKey& tag) {
      return static_cast<uint64_t>(number_of(data, tag, file_));
    };
    const uint64_t claimed = number(DCM_Rows) * number(DCM_Columns) * number(DCM_SamplesPerPixel) *
                             (number(DCM_BitsAllocated) / 8 + 1);
    const uint64_t most = most_unpacked(file_size) * 2;
    if (claimed > most / static_cast<uint64_t>(frames))
      throw Error(ErrorKind::bad_data, file_, "pixels that its size says",
                  "at most " + std::to_string(most) + " bytes",
                  std::to_string(claimed) + " of " + std::to_string(frames) + " frames");
  }

  void choose_type(DcmDataset& data) {
    const bool gray = photometric_ == "MONOCHROME1" || photometric_ == "MONOCHROME2";
    if (gray && samples_ == 1) {
      picture_.channels = 1;
      const int needed = bits_.stored + (bits_.is_signed ? 0 : 1);
      picture_.held = {static_cast<double>(bits_.least()), static_cast<double>(bits_.most())};
      picture_.type = needed <= 16 ? SampleType::i16 : needed <= 32 ? SampleType::i32 : SampleType::u32;
      return;
    }
    const bool bytes = bits_.allocated == 8 && bits_.stored == 8;
    if (photometric_ == "PALETTE COLOR" && samples_ == 1 && bits_.allocated <= 16)
      palette_ = read_palette(data, file_);
    else if (samples_ != 3 || !bytes || (photometric_ != "RGB" && photometric_ != "YBR_FULL"))
      throw Error(
          ErrorKind::unsupported, file_, "kind of its pixels",
          "MONOCHROME1, MONOCHROME2, PALETTE COLOR, or RGB and YBR_FULL of 8 bits",
          photometric_ + ", " + std::to_string(samples_) + " of " + std::to_string(bits_.stored) + " bits");
    picture_.channels = 3;
    picture_.type = SampleType::u8;
    Uint16 planar = 0;
    if (samples_ == 3) data.findAndGetUint16(DCM_PlanarConfiguration, planar);
    planar_ = planar == 1;
    if (photometric_ != "RGB") picture_.remarks.push_back("its colours (" + photometric_ + ") become RGB");
  }

  void take_pixels(DcmDataset& data) {
    Sint32 frames = 1;
    if (data.findAndGetSint32(DCM_NumberOfFrames, frames).bad()) frames = 1;
    constexpr Sint32 most_frames = 1'000'000;
    if (frames < 1 || frames > most_frames)
      throw Error(ErrorKind::bad_data, file_, "number of frames", "1 to " + std::to_string(most_frames),
                  std::to_string(frames));
    frames_ = frames;
    DcmElement* element = nullptr;
    check(data.findAndGetElement(DCM_PixelData, element), file_, "has no pixels");
    const uint64_t needed = frame_bytes() * static_cast<uint64_t>(frames_), there = element->getLength();
    if (there < needed)
      throw Error(ErrorKind::bad_data, file_, "bytes of pixels", std::to_string(needed),
                  std::to_string(there));
    const uint8_t* bytes = nullptr;
    if (element->getVR() == EVR_OW || element->ident() == EVR_OW) {
      Uint16* words = nullptr;
      check(element->getUint16Array(words), file_, "its pixels cannot be read");
      bytes = reinterpret_cast<const uint8_t*>(words);
    } else {
      Uint8* octets = nullptr;
      check(element->getUint8Array(octets), file_, "its pixels cannot be read");
      bytes = octets;
    }
    if (bytes == nullptr) throw Error(ErrorKind::bad_data, file_, "has no pixels");
    pixels_.assign(bytes, bytes + needed);
    if (picture_.channels == 1) {
      find_padding(data);
      measure();
    }
    data.findAndDeleteElement(DCM_PixelData);
  }

  /// Pixel padding (PS3.3, C.7.5.1.1.2): a number, or all from one to another.
  void find_padding(DcmDataset& data) {
    const auto number_at = [&](const DcmTagKey& tag) -> std::optional<double> {
      Uint16 number = 0;
      Sint16 with_sign = 0;
      if (data.findAndGetUint16(tag, number).bad()) {
        if (data.findAndGetSint16(tag, with_sign).bad()) return std::nullopt;
        return with_sign;
      }
      return bits_.is_signed ? static_cast<Sint16>(number) : static_cast<double>(number);
    };
    const auto first = number_at(DCM_PixelPaddingValue);
    if (!first) return;
    const double last = number_at(DCM_PixelPaddingRangeLimit).value_or(*first);
    picture_.no_data = {std::min(*first, last), std::max(*first, last), *first};
  }

  /// Of all frames.
  void measure() {
    const uint64_t numbers =
        frame_bytes() * static_cast<uint64_t>(frames_) / static_cast<uint64_t>(bits_.allocated / 8);
    Spread spread(numbers);
    for (uint64_t i = 0; i < numbers; ++i) {
      const auto value = static_cast<double>(number(i));
      if (!picture_.no_data || !picture_.no_data->contains(value)) spread.add(value);
    }
    if (!spread.empty()) picture_.spread = spread.ends();
  }

  uint64_t frame_bytes() const {
    return static_cast<uint64_t>(picture_.width) * static_cast<uint64_t>(picture_.height) *
           static_cast<uint64_t>(samples_) * static_cast<uint64_t>(bits_.allocated / 8);
  }

  /// Number `i` of the frame, as it is meant.
  int64_t number(size_t i) const {
    const auto size = static_cast<size_t>(bits_.allocated / 8);
    uint32_t raw = 0;
    std::memcpy(&raw, pixels_.data() + frame_bytes() * static_cast<uint64_t>(frame_) + i * size, size);
    raw >>= static_cast<unsigned>(bits_.shift());
    const uint64_t range = uint64_t{1} << static_cast<unsigned>(bits_.stored);
    const uint64_t value = raw & (range - 1);
    return static_cast<int64_t>(value) -
           (bits_.is_signed && value >= range / 2 ? static_cast<int64_t>(range) : 0);
  }

  void read_row(std::byte* row, size_t numbers) {
    const size_t first = static_cast<size_t>(row_) * numbers;
    if (picture_.channels == 1) {
      for (size_t x = 0; x < numbers; ++x) store(row, x, number(first + x));
      return;
    }
    auto* colours = reinterpret_cast<uint8_t*>(row);
    const auto width = static_cast<size_t>(picture_.width);
    const size_t plane = width * static_cast<size_t>(picture_.height);
    for (size_t x = 0; x < width; ++x, colours += 3) {
      for (size_t c = 0; c < 3; ++c) {
        const size_t pixel = static_cast<size_t>(row_) * width + x;
        colours[c] = samples_ == 1
                         ? palette_.colour(number(pixel), c)
                         : static_cast<uint8_t>(number(planar_ ? c * plane + pixel : 3 * pixel + c));
      }
      if (photometric_ == "YBR_FULL") to_rgb(colours);
    }
  }

  void store(std::byte* row, size_t x, int64_t value) const {
    const auto put = [&](auto typed) { std::memcpy(row + x * sizeof typed, &typed, sizeof typed); };
    if (picture_.type == SampleType::i16)
      put(static_cast<int16_t>(value));
    else if (picture_.type == SampleType::i32)
      put(static_cast<int32_t>(value));
    else
      put(static_cast<uint32_t>(value));
  }

  /// PS3.3, C.7.6.3.1.2.
  static void to_rgb(uint8_t* pixel) {
    const double y = pixel[0], b = pixel[1] - 128.0, r = pixel[2] - 128.0;
    const auto byte = [](double value) { return static_cast<uint8_t>(std::clamp(value + 0.5, 0.0, 255.0)); };
    pixel[0] = byte(y + 1.402 * r);
    pixel[1] = byte(y - 0.344136 * b - 0.714136 * r);
    pixel[2] = byte(y + 1.772 * b);
  }

  std::string file_, photometric_;
  std::shared_ptr<const ByteSource> source_;  // until it is read
  DcmFileFormat format_;
  StoredPicture picture_;
  PixelFormat bits_;
  Palette palette_;
  std::vector<uint8_t> pixels_;
  int samples_ = 1, frames_ = 1, frame_ = 0, row_ = 0;
  bool planar_ = false;
};

}  // namespace

std::unique_ptr<Decoder> open(std::shared_ptr<const ByteSource> source) {
  return std::make_unique<DicomDecoder>(std::move(source));
}

}  // namespace esrgan::dicom
