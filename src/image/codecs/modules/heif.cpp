// The module for HEIF and AVIF.
#include "image/codecs/modules/heif.h"

#include <esrgan/version.h>

extern "C" __attribute__((visibility("default"))) const esrgan::CodecModule* esrgan_codec_module() {
  static const esrgan::CodecModule module{
      ESRGAN_VERSION,
      [](std::string_view, std::shared_ptr<const esrgan::ByteSource> source) {
        return esrgan::heif_module::open(std::move(source));
      },
      [](std::string_view codec, esrgan::ByteSink& sink, const esrgan::EncodeOptions& options) {
        return esrgan::heif_module::create(sink, options,
                                           codec == "AVIF" ? heif_compression_AV1 : heif_compression_HEVC);
      }};
  return &module;
}
