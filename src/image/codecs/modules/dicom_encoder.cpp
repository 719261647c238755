// Writing DICOM: a picture derived from one that was read.
#include <dcmtk/dcmdata/dcostrmb.h>
#include <esrgan/error.h>

#include <algorithm>
#include <cstring>

#include "image/codecs/modules/dicom.h"
#include "image/codecs/modules/module.h"
#include "image/codecs/stored_value.h"

namespace esrgan::dicom {
namespace {

class DicomEncoder : public Encoder {
 public:
  DicomEncoder(ByteSink& sink, EncodeOptions options) : sink_(sink), options_(std::move(options)) {}

  void begin(const StoredPicture& picture) override {
    if (data_) return;  // a further frame
    if (!picture.metadata || picture.metadata->dicom.empty())
      throw Error(ErrorKind::unsupported, sink_.name(),
                  "a DICOM file can only be made of another one, whose patient and study it keeps");
    if (!options_.not_for_diagnosis)
      throw Error(ErrorKind::invalid_argument, sink_.name(),
                  "what a network adds to a medical picture is not for diagnosis; --not-for-diagnosis says "
                  "that this is understood, and it is written into the file");
    constexpr int largest = 65535;
    if (picture.width > largest || picture.height > largest)
      throw Error(ErrorKind::unsupported, sink_.name(), "is too large for DICOM",
                  "at most 65535 pixels each way",
                  std::to_string(picture.width) + "x" + std::to_string(picture.height));
    const ImageMetadata& from = *picture.metadata;
    data_ = data_of(from.dicom, sink_.name());
    type_ = picture.type;
    if (picture.channels == 3) make_colours();
    bits_ = pixel_format(*data_, sink_.name());
    derive(*data_, {from.enlarged_x, from.enlarged_y, options_.derivation, picture.shown}, picture.width,
           picture.height);
    numbers_ = static_cast<size_t>(picture.width) * static_cast<size_t>(picture.channels);
  }

  void write(const std::byte* rows, int count) override {
    const size_t size = size_of(type_), stored = static_cast<size_t>(bits_.allocated / 8);
    const size_t numbers = numbers_ * static_cast<size_t>(count);
    const size_t before = pixels_.size();
    pixels_.resize(before + numbers * stored);
    for (size_t i = 0; i < numbers; ++i) {
      const int64_t value =
          std::clamp(static_cast<int64_t>(stored_value(rows + i * size, type_)), bits_.least(), bits_.most());
      // What lies above the stored bits goes on as the sign does, which many readers count on.
      const auto raw =
          static_cast<uint32_t>(static_cast<uint64_t>(value) << static_cast<unsigned>(bits_.shift()));
      std::memcpy(pixels_.data() + before + i * stored, &raw, stored);
    }
  }

  void end() override { ++frames_; }

  void finish() override {
    if (frames_ > 1) data_->putAndInsertString(DCM_NumberOfFrames, std::to_string(frames_).c_str());
    if (bits_.allocated == 8) {
      if (pixels_.size() % 2 != 0) pixels_.push_back(0);
      check(data_->putAndInsertUint8Array(DCM_PixelData, pixels_.data(),
                                          static_cast<unsigned long>(pixels_.size())),
            sink_.name(), "its pixels cannot be written");
    } else {
      check(data_->putAndInsertUint16Array(DCM_PixelData, reinterpret_cast<const Uint16*>(pixels_.data()),
                                           static_cast<unsigned long>(pixels_.size() / 2)),
            sink_.name(), "its pixels cannot be written");
    }
    pixels_ = {};
    write_file();
  }

  uint64_t memory(const StoredPicture& picture) const override {
    return 3 * bytes_of_picture(picture) * static_cast<uint64_t>(std::max(1, options_.pictures));
  }

 private:
  /// What had a palette, or luma and chroma, was made RGB.
  void make_colours() {
    data_->putAndInsertString(DCM_PhotometricInterpretation, "RGB");
    const auto set = [&](const DcmTagKey& tag, Uint16 value) { data_->putAndInsertUint16(tag, value); };
    set(DCM_SamplesPerPixel, 3);
    set(DCM_PlanarConfiguration, 0);
    set(DCM_BitsAllocated, 8);
    set(DCM_BitsStored, 8);
    set(DCM_HighBit, 7);
    set(DCM_PixelRepresentation, 0);
    for (const DcmTagKey& tag :
         {DCM_RedPaletteColorLookupTableDescriptor, DCM_GreenPaletteColorLookupTableDescriptor,
          DCM_BluePaletteColorLookupTableDescriptor, DCM_RedPaletteColorLookupTableData,
          DCM_GreenPaletteColorLookupTableData, DCM_BluePaletteColorLookupTableData,
          DCM_PaletteColorLookupTableUID, DCM_SegmentedRedPaletteColorLookupTableData,
          DCM_SegmentedGreenPaletteColorLookupTableData, DCM_SegmentedBluePaletteColorLookupTableData})
      data_->findAndDeleteElement(tag);
  }

  void write_file() {
    DcmFileFormat format(data_.release(), OFFalse);  // which owns the data set from here on
    check(format.validateMetaInfo(EXS_LittleEndianExplicit), sink_.name(), "its header cannot be made");
    std::vector<uint8_t> buffer(size_t{1} << 20U);
    DcmOutputBufferStream stream(buffer.data(), static_cast<offile_off_t>(buffer.size()));
    format.transferInit();
    OFCondition state;
    do {
      state = format.write(stream, EXS_LittleEndianExplicit, EET_ExplicitLength, nullptr);
      void* bytes = nullptr;
      offile_off_t count = 0;
      stream.flushBuffer(bytes, count);
      sink_.write({static_cast<const uint8_t*>(bytes), static_cast<size_t>(count)});
    } while (state == EC_StreamNotifyClient);
    check(state, sink_.name(), "cannot be written");
    format.transferEnd();
  }

  ByteSink& sink_;
  EncodeOptions options_;
  std::unique_ptr<DcmDataset> data_;  // of the first picture, which all frames share
  SampleType type_ = SampleType::i16;
  PixelFormat bits_;
  std::vector<uint8_t> pixels_;
  size_t numbers_ = 0;  // of a row
  int frames_ = 0;
};

}  // namespace

std::unique_ptr<Encoder> create(ByteSink& sink, const EncodeOptions& options) {
  return std::make_unique<DicomEncoder>(sink, options);
}

}  // namespace esrgan::dicom
