// From the linear sRGB that libjxl delivers to a file's own colours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "image/codecs/codec.h"

namespace esrgan::jxl_module {

/// Colours of a lossy file whose profile libjxl does not understand: it has the pixels in a space of its own,
/// and brings them to linear sRGB, which 8 bits are not enough for and whose gamut may be smaller.
class OriginalColours {
 public:
  /// Null when the profile does not fit.
  static std::shared_ptr<const OriginalColours> create(std::span<const uint8_t> icc, int channels);

  virtual ~OriginalColours() = default;
  OriginalColours(const OriginalColours&) = delete;
  OriginalColours& operator=(const OriginalColours&) = delete;
  OriginalColours(OriginalColours&&) = delete;
  OriginalColours& operator=(OriginalColours&&) = delete;

  /// Floats, 1 for white, which are changed on the way, to samples of a type.
  virtual void convert(float* from, size_t pixels, SampleType type, std::byte* to) const = 0;

 protected:
  OriginalColours() = default;
};

}  // namespace esrgan::jxl_module
