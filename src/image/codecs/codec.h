// A picture format: one file and one row of the table (table.h).
//
// Codecs know their format and nothing else: no file names, no conversions between sample types, no
// orientation. What they cannot do stands in the row and is asked before. They include nothing that would
// have to be linked, so that a codec can live in a module that is loaded at run time.
#pragma once

#include <esrgan/image.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "image/metadata/metadata.h"

namespace esrgan {

/// How transparency is stored.
enum class Alpha {
  none,
  straight,   ///< colours as they are
  associated  ///< colours multiplied by alpha
};

/// A picture as a file stores it: rows from top to bottom, channels interleaved, integers in the machine's
/// byte order.
struct StoredPicture {
  int width = 0, height = 0;
  int channels = 0;  ///< 1 gray, 2 gray + alpha, 3 RGB, 4 RGB + alpha
  int bands = 0;     ///< of them, as in ImageInfo
  SampleType type = SampleType::u8;
  int bits = 0;  ///< that count of an integer, 10 or 12 of u16 for example, brought to the type's whole
                 ///< range; 0: all
  Alpha alpha = Alpha::none;
  bool linear = false;                              ///< floats are proportional to light
  std::optional<std::pair<double, double>> spread;  ///< of measured numbers: what networks see as black and
                                                    ///< white, in all pictures of the file
  std::string series;  ///< what the file is one of, to be shown with one range; empty: of none
  std::string shown;   ///< to an encoder: which numbers networks saw as black and white; may be empty
  std::optional<NoData> no_data;                  ///< samples that are no measurements
  std::optional<std::array<double, 2>> held;      ///< fewer numbers than the type's, from least to largest
  int orientation = 1;                            ///< as EXIF counts, still to be applied
  double seconds = 0;                             ///< that a frame of an animation is shown
  std::shared_ptr<const ImageMetadata> metadata;  ///< never null from a decoder
  std::vector<std::string> remarks;               ///< what is not as the file had it, for the user

  size_t row_bytes() const {
    return static_cast<size_t>(width) * static_cast<size_t>(channels) * size_of(type);
  }
};

/// Reads the pictures of one file. Throws Error naming the file.
class Decoder {
 public:
  Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  Decoder(Decoder&&) = delete;
  Decoder& operator=(Decoder&&) = delete;
  virtual ~Decoder() = default;

  virtual const StoredPicture& picture() const = 0;
  /// Most bytes that are held while the picture is read, beside the caller's rows; known before the first
  /// read().
  virtual uint64_t memory() const = 0;
  /// The next `count` rows, picture().row_bytes() each.
  virtual void read(int count, std::byte* rows) = 0;

  /// Pages or frames in the file.
  virtual int pictures() const { return 1; }
  /// Goes on to the next of them; only while there is one.
  virtual void next() {}
};

/// How a file is to be written; all are checked before.
struct EncodeOptions {
  int quality = 95;                ///< of lossy formats, 1 to 100
  bool lossless = false;           ///< where the format has both
  int compression = -1;            ///< effort of lossless compression, 0 to 9; -1 for the format's own choice
  int threads = 1;                 ///< that may compress
  int pictures = 1;                ///< that will be written
  std::string derivation;          ///< how the pictures came to be, where a format asks
  bool cloud_optimised = false;    ///< a TIFF to be read over a network
  bool not_for_diagnosis = false;  ///< the user knows that of medical pictures
  std::string extension;           ///< lower case, where it tells kinds of a format apart
};

/// Writes pictures. Destroyed before finish(), it leaves the sink as it is then. Throws Error naming the
/// file.
class Encoder {
 public:
  Encoder() = default;
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
  Encoder(Encoder&&) = delete;
  Encoder& operator=(Encoder&&) = delete;
  virtual ~Encoder() = default;

  /// Begins a picture; only as many as EncodeOptions::pictures. Its type, channels and alpha are some that
  /// the row allows; its metadata may be null.
  virtual void begin(const StoredPicture& picture) = 0;
  /// `count` rows, picture().row_bytes() each.
  virtual void write(const std::byte* rows, int count) = 0;
  /// After the last row of a picture.
  virtual void end() = 0;
  /// After the last picture: all bytes are in the sink.
  virtual void finish() = 0;
  /// Most bytes that are held for a picture like this; before begin() as well.
  virtual uint64_t memory(const StoredPicture& picture) const = 0;
};

/// What a format can hold when it is written.
struct Holds {
  std::string_view channels = {};      ///< of "1234"; empty when it is only read
  std::vector<SampleType> types = {};  ///< the smallest first
  Alpha alpha = Alpha::none;           ///< how it stores it
  int64_t largest_side = 0;            ///< pixels; 0 for no limit of its own
  bool lossy = false, lossless = false;
  size_t largest_block = 0;  ///< bytes of EXIF or XMP; 0 for no limit of its own
  bool icc = false, exif = false, xmp = false, iptc = false;
  bool text = false;      ///< keywords and what they say
  bool comments = false;  ///< texts without a keyword
  bool resolution = false;
  bool code_points = false;     ///< colour by H.273's numbers
  bool chromaticities = false;  ///< colour by chromaticities and gamma
  bool several = false;         ///< more than one picture
  bool bands = false;           ///< any number of channels
  bool linear = false;          ///< its floats are proportional to light
  bool of_its_kind = false;     ///< only pictures that came from such a file are written
};

struct Codec {
  std::string_view name;                     ///< "PNG"
  std::vector<std::string_view> extensions;  ///< lower case, the usual one first
  Holds holds = {};
  std::string_view module = {};   ///< that has the code, "heif"; empty when it is built in
  std::string_view package = {};  ///< that the module needs
  bool in_series = false;         ///< files of it may belong to a series
  bool upright = false;           ///< the decoder turns pictures itself, whatever their EXIF data says
  /// Whether a file begins like this format (at most 132 bytes are shown).
  bool (*recognises)(std::span<const uint8_t> head) = nullptr;
  std::unique_ptr<Decoder> (*open)(std::shared_ptr<const ByteSource> source) = nullptr;
  std::unique_ptr<Encoder> (*create)(ByteSink& sink, const EncodeOptions& options) = nullptr;
};

/// What a module hands out, by its function esrgan_codec_module().
struct CodecModule {
  const char* version;  ///< of the project; another one is not used
  std::unique_ptr<Decoder> (*open)(std::string_view codec, std::shared_ptr<const ByteSource> source);
  std::unique_ptr<Encoder> (*create)(std::string_view codec, ByteSink& sink, const EncodeOptions& options);
};

}  // namespace esrgan
