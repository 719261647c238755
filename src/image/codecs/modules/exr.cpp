// The module for OpenEXR.
#include "image/codecs/modules/exr.h"

#include <esrgan/version.h>

extern "C" __attribute__((visibility("default"))) const esrgan::CodecModule* esrgan_codec_module() {
  static const esrgan::CodecModule module{
      ESRGAN_VERSION,
      [](std::string_view, std::shared_ptr<const esrgan::ByteSource> source) {
        return esrgan::exr::open(std::move(source));
      },
      [](std::string_view, esrgan::ByteSink& sink, const esrgan::EncodeOptions& options) {
        return esrgan::exr::create(sink, options);
      }};
  return &module;
}
