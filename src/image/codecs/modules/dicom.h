// DICOM by DCMTK, in parts: what becomes of a data set when its picture is enlarged, reading, writing.
// Sources: DICOM PS3.3, PS3.5.
#pragma once

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "image/codecs/codec.h"

namespace esrgan::dicom {

/// How the numbers of a picture are stored.
struct PixelFormat {
  int allocated = 16, stored = 16, high_bit = 15;  ///< bits
  bool is_signed = false;

  int shift() const { return high_bit + 1 - stored; }
  int64_t least() const { return is_signed ? -(int64_t{1} << (stored - 1)) : 0; }
  int64_t most() const { return (int64_t{1} << (is_signed ? stored - 1 : stored)) - 1; }
};

/// Throws Error when that cannot be.
PixelFormat pixel_format(DcmItem& data, const std::string& file);

/// The value of a number that must be there.
int number_of(DcmItem& data, const DcmTagKey& tag, const std::string& file);
/// Text of an element; empty when it is not there.
std::string text_of(DcmItem& data, const DcmTagKey& tag);

/// A data set, explicit VR and little endian, to bytes and back. Throws Error naming the file.
std::vector<uint8_t> bytes_of(DcmDataset& data, const std::string& file);
std::unique_ptr<DcmDataset> data_of(std::span<const uint8_t> bytes, const std::string& file);

/// How a picture was derived.
struct Derivation {
  double x = 1, y = 1;      ///< pixels for each that there was
  std::string description;  ///< the model and the program
  std::string shown;        ///< which numbers it saw as black and white
};

/// Makes of an original's data set that of the picture derived from it: new identities, which depend on the
/// old ones and the derivation alone (so that a series stays one), where its pixels lie, how it came to be.
/// What speaks of the old pixels (smallest and largest values, overlays, icons, signatures) goes; all else
/// stays as it is.
void derive(DcmDataset& data, const Derivation& derivation, int width, int height);

std::unique_ptr<Decoder> open(std::shared_ptr<const ByteSource> source);
std::unique_ptr<Encoder> create(ByteSink& sink, const EncodeOptions& options);

/// Throws Error when DCMTK says no.
void check(const OFCondition& condition, const std::string& file, const char* problem);

}  // namespace esrgan::dicom
