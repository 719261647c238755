// libFuzzer: any bytes are read as pictures of one format, or refused with an Error, in as much memory as the
// decoder says. What they say beside the samples can be brought up to date and written in every format, and
// the files so made can be read.
//
// Compiled once a format: ESRGAN_FUZZED_FORMAT is its extension; ESRGAN_FUZZED_MODULE is set where its code
// is a module's, which then is part of the target.
#include <esrgan/error.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory_sink.h"
#include "base/memory_source.h"
#include "heap_watch.h"
#include "image/codecs/table.h"
#include "image/exif.h"
#include "image/metadata_fit.h"

#ifdef ESRGAN_FUZZED_MODULE
extern "C" const esrgan::CodecModule* esrgan_codec_module();
#endif

namespace esrgan::fuzz {
namespace {

constexpr uint64_t largest_work = uint64_t{64} << 20U;      // bytes that an input may ask for
constexpr uint64_t largest_metadata = uint64_t{1} << 20U;   // bytes that are written in every format
constexpr uint64_t library_overhead = uint64_t{16} << 20U;  // tables and buffers that do not grow

[[noreturn]] void found(std::string_view what) {
  std::fprintf(stderr, "FINDING: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

std::unique_ptr<Decoder> open(const Codec& codec, std::shared_ptr<const ByteSource> source) {
#ifdef ESRGAN_FUZZED_MODULE
  return esrgan_codec_module()->open(codec.name, std::move(source));
#else
  return codec.open(std::move(source));
#endif
}

std::unique_ptr<Encoder> create(const Codec& codec, ByteSink& sink, const EncodeOptions& options) {
#ifdef ESRGAN_FUZZED_MODULE
  return esrgan_codec_module()->create(codec.name, sink, options);
#else
  return codec.create(sink, options);
#endif
}

void check_description(const StoredPicture& p) {
  if (p.width < 1 || p.height < 1) found("a picture without pixels");
  if (p.channels < 1 || p.bands < 0 || p.bands > p.channels || (p.bands == 0 && p.channels > 4))
    found("a number of channels that there is not");
  if ((p.alpha != Alpha::none) != (p.bands == 0 && p.channels % 2 == 0)) found("channels and alpha disagree");
  if (p.orientation < 1 || p.orientation > 8) found("an orientation that there is not");
  if (p.metadata == nullptr) found("no metadata");
}

/// Reads the picture in pieces of 1 to 7 rows, or at once.
void read_rows(Decoder& decoder, unsigned seed) {
  const StoredPicture& picture = decoder.picture();
  std::vector<std::byte> rows;
  for (int y = 0; y < picture.height;) {
    const int count =
        seed % 8 == 7 ? picture.height : std::min(picture.height - y, 1 + (static_cast<int>(seed) + y) % 7);
    rows.assign(picture.row_bytes() * static_cast<size_t>(count), std::byte{0});
    decoder.read(count, rows.data());
    y += count;
  }
}

/// What holds only pictures that came from such a file: twice the size, and read again.
void write_enlarged(const Codec& codec, StoredPicture picture) {
  check_description(picture);
  if (4 * picture.row_bytes() * static_cast<uint64_t>(picture.height) > largest_metadata) return;
  auto metadata = std::make_shared<ImageMetadata>(*picture.metadata);
  metadata->enlarged_x = metadata->enlarged_y = 2;
  picture.metadata = std::move(metadata);
  picture.width *= 2;
  picture.height *= 2;
  MemorySink sink("written");
  EncodeOptions options;
  options.not_for_diagnosis = true;
  options.derivation = "the fuzzer";
  try {
    const auto encoder = create(codec, sink, options);
    encoder->begin(picture);
    const std::vector<std::byte> row(picture.row_bytes(), std::byte{77});
    for (int y = 0; y < picture.height; ++y) encoder->write(row.data(), 1);
    encoder->end();
    encoder->finish();
    read_rows(*open(codec, std::make_shared<MemorySource>(sink.bytes(), "written")), 7);
  } catch (const Error&) {  // what is damaged need not be carried on
  }
}

/// Reads as many of the pictures as do not ask for too much together.
std::shared_ptr<const ImageMetadata> read_pictures(const Codec& codec, std::span<const uint8_t> bytes) {
  const auto decoder = open(codec, std::make_shared<MemorySource>(bytes, "fuzzed"));
  std::shared_ptr<const ImageMetadata> metadata = decoder->picture().metadata;
  if (codec.holds.of_its_kind) write_enlarged(codec, decoder->picture());
  uint64_t work = 0;
  for (int i = 0, count = decoder->pictures(); i < count; ++i) {
    if (i > 0) decoder->next();
    const StoredPicture& picture = decoder->picture();
    check_description(picture);
    if (picture.row_bytes() > largest_work) break;
    const uint64_t rows = picture.row_bytes() * static_cast<uint64_t>(picture.height),
                   own = decoder->memory();
    work += rows + own;
    if (rows > largest_work || own > largest_work || work > largest_work) break;
    const HeapWatch heap;
    try {
      read_rows(*decoder, static_cast<unsigned>(bytes.size()) + static_cast<unsigned>(i));
    } catch (const Error&) {
      // What is damaged further on still has metadata.
      i = count;
    }
    if (heap.grown() > own + rows + library_overhead)
      found("memory " + std::to_string(heap.grown()) + ", promised " + std::to_string(own) + " and rows of " +
            std::to_string(rows));
  }
  return metadata;
}

size_t bytes_of(const ImageMetadata& m) {
  size_t bytes = m.icc.size() + m.exif.size() + m.xmp.size() + m.iptc.size() + m.photoshop.size();
  for (const auto& part : m.extended_xmp) bytes += part.size();
  for (const auto& entry : m.texts) bytes += entry.keyword.size() + entry.text.size();
  for (const auto& comment : m.comments) bytes += comment.size();
  for (const auto& chunk : m.chunks) bytes += chunk.data.size();
  return bytes;
}

void bring_up_to_date(ImageMetadata& metadata) {
  const int said = orientation_of(metadata);
  if (said < 1 || said > 8) found("an orientation that there is not");
  for (const int orientation : {said, 6, 3}) reset_orientation(metadata, orientation);
  if (orientation_of(metadata) != 1) found("an orientation that stayed");
  set_picture_size(metadata, 1234, 70000);
  exif_resolution(metadata);
}

/// Writes a small picture with the metadata, and reads it.
void write_with(const ImageMetadata& metadata, const Codec& codec) {
  constexpr int width = 3, height = 2;
  StoredPicture picture;
  picture.width = width;
  picture.height = height;
  picture.channels =
      codec.holds.channels.find('3') != std::string_view::npos ? 3 : codec.holds.channels.front() - '0';
  picture.type = codec.holds.types.front();
  WriteOptions options;
  options.dpi = metadata.loops % 2 == 0 ? 0 : 300;
  picture.metadata = fit_metadata(metadata, codec, picture, options, picture.remarks);
  MemorySink sink("written");
  EncodeOptions encoding;
  encoding.extension = codec.extensions.front();
  try {
    const auto encoder = codec.create(sink, encoding);
    encoder->begin(picture);
    const std::vector<std::byte> rows(picture.row_bytes() * height, std::byte{77});
    encoder->write(rows.data(), height);
    encoder->end();
    encoder->finish();
    const auto decoder = codec.open(std::make_shared<MemorySource>(sink.bytes(), "written"));
    if (decoder->picture().width != width || decoder->picture().height != height)
      found("a picture of another size");
    read_rows(*decoder, 7);
  } catch (const Error& error) {
    found(std::string(codec.name) + ": what was written is not a picture, or could not be: " + error.what());
  }
}

}  // namespace
}  // namespace esrgan::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  esrgan::fuzz::HeapWatch::install();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace esrgan;
  static const Codec& fuzzed = *find_codec(ESRGAN_FUZZED_FORMAT);
  const std::span bytes(data, size);
  fuzzed.recognises(bytes.first(std::min<size_t>(size, 64)));
  try {
    ImageMetadata metadata = *fuzz::read_pictures(fuzzed, bytes);
    const size_t described = fuzz::bytes_of(metadata);
    if (described > fuzz::largest_metadata) return 0;
    fuzz::bring_up_to_date(metadata);
    if (described == 0 && !metadata.code_points && !metadata.chromaticities && metadata.resolution.x <= 0)
      return 0;
    for (const Codec& codec : codecs())
      if (codec.create != nullptr && !codec.holds.of_its_kind) fuzz::write_with(metadata, codec);
  } catch (const Error&) {           // refused, as it should be
  } catch (const std::bad_alloc&) {  // likewise
  }
  return 0;
}
