// What reader and writer share of OpenImageIO; included by the image room only.
#pragma once

#include <OpenImageIO/imageio.h>
#include <esrgan/image.h>

namespace esrgan {

/// The attributes of the file that a picture came from.
struct ImageMetadata {
  OIIO::ImageSpec spec;
};

/// Makes OpenImageIO single-threaded and quiet, once.
void prepare_oiio();

/// The library's pending error message on one line.
std::string take_oiio_error(std::string message);

inline OIIO::TypeDesc oiio_type(SampleType type) {
  switch (type) {
    case SampleType::u8:
      return OIIO::TypeDesc::UINT8;
    case SampleType::u16:
      return OIIO::TypeDesc::UINT16;
    case SampleType::f16:
      return OIIO::TypeDesc::HALF;
    case SampleType::f32:
      break;
  }
  return OIIO::TypeDesc::FLOAT;
}

}  // namespace esrgan
