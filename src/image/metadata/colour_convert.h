// Colours that no network knows, to sRGB, by Little CMS.
#pragma once

#include <esrgan/image.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "image/metadata/metadata.h"

namespace esrgan {

enum class ForeignColour {
  cmyk,
  cmyk_inverted,  ///< 0 is full ink
  lab             ///< CIE L*a*b* of D50, in the encoding of ICC.1:2010 (a = 0 is 128 or 0x8080)
};

class ColourConverter {
 public:
  /// `type` is u8 or u16. Without a profile, CMYK is taken as ink that covers paper; a profile that does not
  /// fit is ignored. Lab needs none.
  ColourConverter(ForeignColour kind, SampleType type, std::span<const uint8_t> icc);
  ~ColourConverter();
  ColourConverter(const ColourConverter&) = delete;
  ColourConverter& operator=(const ColourConverter&) = delete;
  ColourConverter(ColourConverter&& other) noexcept;
  ColourConverter& operator=(ColourConverter&& other) noexcept;

  /// 4 (CMYK) or 3 (Lab) samples a pixel to 3 of the same type.
  void convert(const std::byte* from, size_t pixels, std::byte* rgb) const;

 private:
  struct Transform;
  std::unique_ptr<Transform> transform_;
};

/// Colour space of the data that an ICC profile is for: "RGB ", "GRAY", "CMYK", "Lab "; empty when it is no
/// profile.
std::string icc_colour_space(std::span<const uint8_t> icc);

/// An ICC profile for colours by numbers, where such a profile can say it; else empty. sRGB needs none: empty
/// too, and `is_srgb` is set.
std::vector<uint8_t> icc_of(const CodePoints& points, bool& is_srgb);
std::vector<uint8_t> icc_of(const Chromaticities& chromaticities, bool& is_srgb);

}  // namespace esrgan
