// The module for DICOM.
#include "image/codecs/modules/dicom.h"

#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>
#include <dcmtk/oflog/oflog.h>
#include <esrgan/version.h>

namespace {

/// DCMTK's decoders are known to the process.
/// What DCMTK can unpack, from the first use to the end of the program.
class Unpackers {
 public:
  Unpackers() {
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    DJDecoderRegistration::registerCodecs();
    DJLSDecoderRegistration::registerCodecs();
    DcmRLEDecoderRegistration::registerCodecs();
  }
  Unpackers(const Unpackers&) = delete;
  Unpackers& operator=(const Unpackers&) = delete;
  Unpackers(Unpackers&&) = delete;
  Unpackers& operator=(Unpackers&&) = delete;
  ~Unpackers() {
    DJDecoderRegistration::cleanup();
    DJLSDecoderRegistration::cleanup();
    DcmRLEDecoderRegistration::cleanup();
  }
};

void set_up() {
  static const Unpackers unpackers;
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
