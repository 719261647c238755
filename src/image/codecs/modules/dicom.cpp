// The module for DICOM.
#include "image/codecs/modules/dicom.h"

#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>
#include <dcmtk/oflog/oflog.h>
#include <esrgan/version.h>

#include <mutex>

namespace {

/// DCMTK's decoders are known to the process.
void set_up() {
  static std::once_flag once;
  std::call_once(once, [] {
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    DJDecoderRegistration::registerCodecs();
    DJLSDecoderRegistration::registerCodecs();
    DcmRLEDecoderRegistration::registerCodecs();
  });
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const esrgan::CodecModule* esrgan_codec_module() {
  static const esrgan::CodecModule module{
      ESRGAN_VERSION,
      [](std::string_view, std::shared_ptr<const esrgan::ByteSource> source) {
        set_up();
        return esrgan::dicom::open(std::move(source));
      },
      [](std::string_view, esrgan::ByteSink& sink, const esrgan::EncodeOptions& options) {
        set_up();
        return esrgan::dicom::create(sink, options);
      }};
  return &module;
}
