// What a file says about its picture besides the samples, as raw as it came, so that nothing is lost on the
// way.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace esrgan {

/// A keyword and what it says, as PNG's text chunks have them. UTF-8.
struct TextEntry {
  std::string keyword, text;
  std::string language, translated_keyword;  ///< may be empty
};

/// Pixels for a unit of length.
struct Resolution {
  enum class Unit { none, inch, centimetre };
  double x = 0, y = 0;  ///< 0 when not known
  Unit unit = Unit::inch;
};

/// Colour by the code points of ITU-T H.273 (PNG's cICP, nclx of HEIF).
struct CodePoints {
  int primaries = 2, transfer = 2, matrix = 2;  ///< 2: not specified
  bool full_range = true;
};

/// Colour by numbers, as PNG's cHRM and gAMA have it.
struct Chromaticities {
  std::array<double, 8> xy{};  ///< white, red, green, blue; all 0 when not known
  double gamma = 0;            ///< of the encoding, 1/2.2 for example; 0 when not known
};

/// A PNG chunk that is carried from PNG to PNG.
struct PngChunk {
  std::array<char, 4> type{};
  std::vector<uint8_t> data;
};

struct ImageMetadata {
  std::vector<uint8_t> icc;                        ///< ICC profile
  std::vector<uint8_t> exif;                       ///< begins with the TIFF header ("II" or "MM")
  std::string xmp;                                 ///< packet, UTF-8
  std::vector<std::vector<uint8_t>> extended_xmp;  ///< JPEG's further segments, without their signature
  std::vector<uint8_t> iptc;                       ///< IIM records
  std::vector<uint8_t> photoshop;                  ///< image resource blocks ("8BIM..."), without IPTC
  std::vector<TextEntry> texts;
  std::vector<std::string> comments;  ///< JPEG's and GIF's
  Resolution resolution;
  std::optional<CodePoints> code_points;
  std::optional<Chromaticities> chromaticities;
  std::vector<PngChunk> chunks;
  std::vector<uint8_t>
      dicom;  ///< the data set of a DICOM file without its pixels: explicit VR, little endian
  std::vector<uint8_t> nifti;             ///< the header of a NIfTI file, its extensions included
  bool georeferenced = false;             ///< EXIF says where on the ground pixels lie
  double enlarged_x = 1, enlarged_y = 1;  ///< pixels for each that these tell of

  /// Whether the samples are measurements.
  bool is_measured() const { return !dicom.empty() || !nifti.empty() || georeferenced; }
  bool says_srgb = false;  ///< PNG's sRGB chunk and the like
  int loops = 0;           ///< of an animation; 0 for ever
};

}  // namespace esrgan
