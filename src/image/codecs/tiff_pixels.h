// From the packed samples of a TIFF page to the pixels that a decoder delivers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "image/codecs/codec.h"
#include "image/codecs/tiff_file.h"
#include "image/codecs/tiff_layout.h"
#include "image/codecs/tiff_samples.h"
#include "image/metadata/colour_convert.h"

namespace esrgan {

class TiffPixels {
 public:
  /// Of the file's current directory. Sets the picture's channels, bands, type, bits, alpha, linear and
  /// remarks. `metadata`: the page's; where it is georeferenced, further channels are bands. Throws Error
  /// where the samples mean something that is not known.
  TiffPixels(TiffFile& file, TiffLayout layout, const ImageMetadata& metadata, StoredPicture& picture);

  /// The channels of the file that are used.
  const std::vector<int>& channels() const { return channels_; }
  /// Packed rows are what is delivered already.
  bool plain() const;
  /// The picture's profile speaks of colours that it no longer has.
  bool converts_colours() const { return work_ == Work::foreign || work_ == Work::xyz; }
  /// Whether samples are the numbers of the file.
  bool keeps_numbers() const { return work_ == Work::none; }
  /// Bytes held for a row.
  uint64_t memory() const;
  /// One row, from one packed row, or from one for each of channels() when they are planar.
  void convert(std::span<const std::byte* const> packed, std::byte* to);

 private:
  enum class Work { none, invert, palette, foreign, xyz };

  void find_meaning(TiffFile& file);
  void find_alpha(StoredPicture& picture);
  bool find_bands(StoredPicture& picture);
  void find_type(TiffFile& file, StoredPicture& picture);
  void read_palette(TiffFile& file, StoredPicture& picture);
  void prepare_conversion(TiffFile& file, std::span<const uint8_t> icc, StoredPicture& picture);
  void gather(std::span<const std::byte* const> packed, std::byte* to);
  void look_up(std::byte* to) const;
  void convert_foreign(std::byte* to);
  bool takes_all() const;

  TiffLayout layout_;
  size_t width_;
  bool measured_;  ///< a map's numbers are what they are, of however many bits
  PackedSamples packing_;
  Work work_ = Work::none;
  int colours_ = 1;                      ///< channels of the file that are colour
  std::vector<int> channels_;            ///< colours and then alpha
  SampleType type_ = SampleType::u8;     ///< of unpacked samples
  std::vector<uint8_t> narrow_palette_;  ///< red, green and blue of each index
  std::vector<uint16_t> wide_palette_;   ///< instead of it, when 8 bits are too few
  std::optional<ColourConverter> converter_;
  std::vector<std::byte> unpacked_, gathered_, foreign_, rgb_;  ///< of a row
};

}  // namespace esrgan
