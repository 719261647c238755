// DICOM's data sets: what is read out of them, and what becomes of them.
#include <dcmtk/dcmdata/dcistrmb.h>
#include <dcmtk/dcmdata/dcostrmb.h>
#include <esrgan/error.h>
#include <esrgan/version.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/mixed_bits.h"
#include "image/codecs/modules/dicom.h"

namespace esrgan::dicom {
namespace {

using Vector = std::array<double, 3>;

/// All numbers of an element, of which there must be `count`.
std::optional<std::vector<double>> numbers_of(DcmItem& data, const DcmTagKey& tag, size_t count) {
  std::vector<double> values(count);
  for (size_t i = 0; i < count; ++i)
    if (data.findAndGetFloat64(tag, values[i], static_cast<unsigned long>(i)).bad()) return std::nullopt;
  return values;
}

/// As a decimal string of at most 16 characters (PS3.5, 6.2).
std::string decimal(double value) {
  constexpr size_t longest = 16;
  std::array<char, 64> text{};
  const char* end = text.data();
  for (int digits = 15; digits > 0; --digits) {
    end =
        std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::general, digits).ptr;
    if (static_cast<size_t>(end - text.data()) <= longest) break;
  }
  return {static_cast<const char*>(text.data()), end};
}

void set_numbers(DcmItem& data, const DcmTagKey& tag, const std::vector<double>& values) {
  std::string text;
  for (const double value : values) text += (text.empty() ? "" : "\\") + decimal(value);
  data.putAndInsertString(tag, text.c_str());
}

DcmItem* first_item(DcmItem* data, const DcmTagKey& sequence) {
  DcmItem* item = nullptr;
  if (data != nullptr) data->findAndGetSequenceItem(sequence, item, 0);
  return item;
}

void divide_spacing(DcmItem* data, const DcmTagKey& tag, const Derivation& by) {
  if (data == nullptr) return;
  if (auto spacing = numbers_of(*data, tag, 2))  // row spacing, which is down, first
    set_numbers(*data, tag, {(*spacing)[0] / by.y, (*spacing)[1] / by.x});
}

/// The position is that of the first pixel's centre (PS3.3, C.7.6.2.1.1), and the corners stay where they
/// are.
void move_position(DcmItem* data, const std::optional<std::vector<double>>& spacing,
                   const std::optional<std::vector<double>>& orientation, const Derivation& by) {
  if (data == nullptr || !spacing || !orientation) return;
  auto position = numbers_of(*data, DCM_ImagePositionPatient, 3);
  if (!position) return;
  const double across = -(1 - 1 / by.x) / 2 * (*spacing)[1], down = -(1 - 1 / by.y) / 2 * (*spacing)[0];
  for (size_t i = 0; i < 3; ++i) (*position)[i] += across * (*orientation)[i] + down * (*orientation)[i + 3];
  set_numbers(*data, DCM_ImagePositionPatient, *position);
}

/// Of classic pictures in the data set itself, of enhanced ones in functional groups (C.7.6.16).
void derive_geometry(DcmDataset& data, const Derivation& by) {
  move_position(&data, numbers_of(data, DCM_PixelSpacing, 2),
                numbers_of(data, DCM_ImageOrientationPatient, 6), by);
  DcmItem* shared = first_item(&data, DCM_SharedFunctionalGroupsSequence);
  std::vector<DcmItem*> groups{shared};
  DcmItem* frame = nullptr;
  for (long i = 0; data.findAndGetSequenceItem(DCM_PerFrameFunctionalGroupsSequence, frame, i).good(); ++i)
    groups.push_back(frame);
  const auto found = [&](DcmItem* group, const DcmTagKey& sequence, const DcmTagKey& tag, size_t count) {
    for (DcmItem* place : {group, shared})
      if (DcmItem* item = first_item(place, sequence))
        if (auto values = numbers_of(*item, tag, count)) return values;
    return std::optional<std::vector<double>>();
  };
  for (DcmItem* group : groups)
    move_position(first_item(group, DCM_PlanePositionSequence),
                  found(group, DCM_PixelMeasuresSequence, DCM_PixelSpacing, 2),
                  found(group, DCM_PlaneOrientationSequence, DCM_ImageOrientationPatient, 6), by);
  for (DcmItem* group : groups)
    divide_spacing(first_item(group, DCM_PixelMeasuresSequence), DCM_PixelSpacing, by);
  for (const DcmTagKey& tag : {DCM_PixelSpacing, DCM_ImagerPixelSpacing, DCM_NominalScannedPixelSpacing})
    divide_spacing(&data, tag, by);
}

/// 128 bits of a text: two rounds of FNV-1a, mixed.
std::array<uint64_t, 2> digest(const std::string& text) {
  std::array<uint64_t, 2> sums{0xCBF29CE484222325U, 0x9E3779B97F4A7C15U};
  for (uint64_t& sum : sums) {
    for (const char c : text) sum = (sum ^ static_cast<uint8_t>(c)) * 0x100000001B3U;
    sum = mixed_bits(sum);
  }
  return sums;
}

/// "2.25." and a UUID (version 8, RFC 9562) as a number (PS3.5, B.2).
std::string identity_of(const std::string& text) {
  auto [high, low] = digest(text);
  high = (high & ~uint64_t{0xF000}) | 0x8000U;
  low = (low & ~(uint64_t{3} << 62U)) | (uint64_t{1} << 63U);
  std::string digits;
  while (high != 0 || low != 0) {  // long division by 10, 32 bits at a time
    uint64_t rest = 0;
    const auto divide = [&rest](uint64_t& value) {
      const uint64_t upper = (rest << 32U) | (value >> 32U);
      const uint64_t lower = ((upper % 10) << 32U) | (value & 0xFFFFFFFFU);
      value = ((upper / 10) << 32U) | (lower / 10);
      rest = lower % 10;
    };
    divide(high);
    divide(low);
    digits.insert(digits.begin(), static_cast<char>('0' + rest));
  }
  return "2.25." + digits;
}

/// What is derived from has the same study, patient and frame of reference.
void derive_identity(DcmDataset& data, const Derivation& by) {
  const std::string how = " " + by.description + " " + decimal(by.x) + " " + decimal(by.y);
  const std::string instance = text_of(data, DCM_SOPInstanceUID), kind = text_of(data, DCM_SOPClassUID);
  data.putAndInsertString(DCM_SOPInstanceUID, identity_of(instance + how).c_str());
  data.putAndInsertString(DCM_SeriesInstanceUID,
                          identity_of(text_of(data, DCM_SeriesInstanceUID) + how).c_str());
  data.findAndDeleteElement(DCM_SourceImageSequence);
  DcmItem* source = nullptr;
  if (data.findOrCreateSequenceItem(DCM_SourceImageSequence, source, 0).bad()) return;
  source->putAndInsertString(DCM_ReferencedSOPClassUID, kind.c_str());
  source->putAndInsertString(DCM_ReferencedSOPInstanceUID, instance.c_str());
  DcmItem* purpose = nullptr;
  if (source->findOrCreateSequenceItem(DCM_PurposeOfReferenceCodeSequence, purpose, 0).bad()) return;
  purpose->putAndInsertString(DCM_CodeValue, "121322");
  purpose->putAndInsertString(DCM_CodingSchemeDesignator, "DCM");
  purpose->putAndInsertString(DCM_CodeMeaning, "Source image for image processing operation");
}

std::string enlargement_text(const Derivation& by) {
  return by.x == by.y ? decimal(by.x) + " times" : decimal(by.x) + " by " + decimal(by.y) + " times";
}

void describe(DcmDataset& data, const Derivation& by) {
  const std::string type = text_of(data, DCM_ImageType);
  const size_t end = type.find('\\');
  data.putAndInsertString(
      DCM_ImageType, ("DERIVED" + (end == std::string::npos ? "\\SECONDARY" : type.substr(end))).c_str());
  data.putAndInsertString(DCM_DerivationDescription,
                          ("Enlarged " + enlargement_text(by) + " by " + by.description + ". " + by.shown +
                           (by.shown.empty() ? "" : " ") + "Not for diagnosis.")
                              .c_str());
  constexpr size_t longest = 64;  // LO
  const std::string note = " x" + decimal(by.x) + ", not for diagnosis";
  const std::string series = text_of(data, DCM_SeriesDescription).substr(0, longest - note.size());
  data.putAndInsertString(DCM_SeriesDescription, (series + note).c_str());
}

/// Overlays (60xx), icons, smallest and largest values, signatures.
void drop_what_spoke_of_pixels(DcmDataset& data) {
  for (const DcmTagKey& tag :
       {DCM_SmallestImagePixelValue, DCM_LargestImagePixelValue, DCM_SmallestPixelValueInSeries,
        DCM_LargestPixelValueInSeries, DCM_IconImageSequence, DCM_MACParametersSequence,
        DCM_DigitalSignaturesSequence, DCM_PixelDataProviderURL})
    data.findAndDeleteElement(tag);
  for (Uint16 group = 0x6000; group <= 0x601E; group += 2) {
    std::vector<DcmTagKey> tags;
    for (unsigned long i = 0; i < data.card(); ++i)
      if (const DcmTagKey tag = data.getElement(i)->getTag().getXTag(); tag.getGroup() == group)
        tags.push_back(tag);
    for (const DcmTagKey& tag : tags) data.findAndDeleteElement(tag);
  }
}

}  // namespace

void check(const OFCondition& condition, const std::string& file, const char* problem) {
  if (condition.good()) return;
  throw Error(condition == EC_MemoryExhausted ? ErrorKind::out_of_resources : ErrorKind::bad_data, file,
              std::string(problem) + " (" + condition.text() + ")");
}

int number_of(DcmItem& data, const DcmTagKey& tag, const std::string& file) {
  Uint16 value = 0;
  if (data.findAndGetUint16(tag, value).good()) return value;
  throw Error(ErrorKind::bad_data, file,
              std::string("the element ") + DcmTag(tag).getTagName() + " " + tag.toString(), "a number",
              "none");
}

std::string text_of(DcmItem& data, const DcmTagKey& tag) {
  OFString text;
  return data.findAndGetOFStringArray(tag, text).good() ? text : std::string();
}

PixelFormat pixel_format(DcmItem& data, const std::string& file) {
  PixelFormat format;
  format.allocated = number_of(data, DCM_BitsAllocated, file);
  format.stored = number_of(data, DCM_BitsStored, file);
  format.high_bit = number_of(data, DCM_HighBit, file);
  format.is_signed = number_of(data, DCM_PixelRepresentation, file) == 1;
  const bool known = (format.allocated == 8 || format.allocated == 16 || format.allocated == 32) &&
                     format.stored >= 1 && format.stored <= format.high_bit + 1 &&
                     format.high_bit < format.allocated;
  if (!known)
    throw Error(ErrorKind::unsupported, file, "bits of a number", "8, 16 or 32 allocated, all stored within",
                std::to_string(format.allocated) + " allocated, " + std::to_string(format.stored) +
                    " stored, high bit " + std::to_string(format.high_bit));
  return format;
}

std::vector<uint8_t> bytes_of(DcmDataset& data, const std::string& file) {
  std::vector<uint8_t> bytes(data.calcElementLength(EXS_LittleEndianExplicit, EET_ExplicitLength));
  DcmOutputBufferStream stream(bytes.data(), static_cast<offile_off_t>(bytes.size()));
  data.transferInit();
  check(data.write(stream, EXS_LittleEndianExplicit, EET_ExplicitLength, nullptr), file,
        "the data set cannot be kept");
  data.transferEnd();
  void* written = nullptr;
  offile_off_t count = 0;
  stream.flushBuffer(written, count);
  bytes.resize(static_cast<size_t>(count));
  return bytes;
}

std::unique_ptr<DcmDataset> data_of(std::span<const uint8_t> bytes, const std::string& file) {
  auto data = std::make_unique<DcmDataset>();
  DcmInputBufferStream stream;
  stream.setBuffer(bytes.data(), static_cast<offile_off_t>(bytes.size()));
  stream.setEos();
  data->transferInit();
  check(data->read(stream, EXS_LittleEndianExplicit), file, "its data set is damaged");
  data->transferEnd();
  return data;
}

void derive(DcmDataset& data, const Derivation& derivation, int width, int height) {
  derive_geometry(data, derivation);
  derive_identity(data, derivation);
  describe(data, derivation);
  drop_what_spoke_of_pixels(data);
  data.putAndInsertUint16(DCM_Rows, static_cast<Uint16>(height));
  data.putAndInsertUint16(DCM_Columns, static_cast<Uint16>(width));
}

}  // namespace esrgan::dicom
