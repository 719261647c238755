#include "image/codecs/tiff_entries.h"

#include <algorithm>
#include <span>

#include "image/metadata/tiff_structure.h"

namespace esrgan {
namespace {

uint64_t sample_format(SampleType type) {
  switch (type) {
    case SampleType::f16:
    case SampleType::f32:
      return 3;
    case SampleType::i8:
    case SampleType::i16:
    case SampleType::i32:
      return 2;
    default:
      return 1;
  }
}

}  // namespace

ExifEntry tiff_shorts(uint16_t tag, const std::vector<uint64_t>& values) {
  return numbers_entry(tag, static_cast<uint16_t>(TiffType::short_), values);
}

ExifEntry tiff_longs(uint16_t tag, const std::vector<uint64_t>& values) {
  return numbers_entry(tag, static_cast<uint16_t>(TiffType::long_), values);
}

ExifEntry tiff_places(uint16_t tag, const std::vector<uint64_t>& values, bool big) {
  return numbers_entry(tag, static_cast<uint16_t>(big ? TiffType::long8 : TiffType::long_), values);
}

std::vector<ExifEntry> tiff_sample_entries(const StoredPicture& picture, int width, int height,
                                           int predictor) {
  const auto channels = static_cast<size_t>(picture.channels);
  const uint64_t bits = 8 * size_of(picture.type);
  const size_t colours = picture.channels - picture.bands >= 3 ? 3 : 1;
  std::vector<ExifEntry> entries = {
      tiff_longs(256, {static_cast<uint64_t>(width)}),
      tiff_longs(257, {static_cast<uint64_t>(height)}),
      tiff_shorts(258, std::vector<uint64_t>(channels, bits)),
      tiff_shorts(259, {predictor != 0 ? uint64_t{8} : uint64_t{1}}),  // Adobe's deflate
      tiff_shorts(262, {colours == 3 ? uint64_t{2} : uint64_t{1}}),
      tiff_shorts(277, {channels}),
      tiff_shorts(284, {1}),
      tiff_shorts(339, std::vector<uint64_t>(channels, sample_format(picture.type))),
  };
  if (predictor != 0) entries.push_back(tiff_shorts(317, {static_cast<uint64_t>(predictor)}));
  if (picture.bands > 0 && channels > colours) {
    entries.push_back(tiff_shorts(338, std::vector<uint64_t>(channels - colours, 0)));
  } else if (picture.alpha != Alpha::none) {
    entries.push_back(tiff_shorts(338, {picture.alpha == Alpha::associated ? uint64_t{1} : uint64_t{2}}));
  }
  return entries;
}

void describe_derivation(std::vector<ExifEntry>& entries, const StoredPicture& picture,
                         const std::string& derivation) {
  constexpr uint16_t image_description = 270;
  if (derivation.empty() || !picture.metadata || !picture.metadata->is_measured()) return;
  std::string text;
  if (const ExifEntry* const known = find_entry(entries, image_description))
    text.assign(known->value.begin(), known->value.end());
  while (!text.empty() && text.back() == '\0') text.pop_back();
  text += (text.empty() ? "Enlarged by " : "\nEnlarged by ") + derivation + "." +
          (picture.shown.empty() ? "" : " ") + picture.shown;
  const std::span bytes(reinterpret_cast<const uint8_t*>(text.c_str()), text.size() + 1);
  set_entry(entries, bytes_entry(image_description, static_cast<uint16_t>(TiffType::ascii), bytes));
}

int tiff_deflate_level(const EncodeOptions& options) {
  constexpr int usual = 4;
  return options.compression < 0 ? usual : std::clamp(options.compression, 1, 9);
}

bool asks_for_big_tiff(const EncodeOptions& options) {
  return options.extension == "btf" || options.extension == "tf8";
}

uint64_t tiff_metadata_bytes(const StoredPicture& picture) {
  if (!picture.metadata) return 0;
  const ImageMetadata& metadata = *picture.metadata;
  return metadata.icc.size() + metadata.exif.size() + metadata.xmp.size() + metadata.iptc.size() +
         metadata.photoshop.size();
}

}  // namespace esrgan
