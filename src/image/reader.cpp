#include "image/reader.h"

#include <esrgan/error.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <tuple>
#include <utility>

#include "base/errors.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/platform_memory.h"
#include "image/bleed.h"
#include "image/codecs/table.h"
#include "image/exif.h"
#include "image/metadata/colour_convert.h"
#include "image/samples.h"

namespace esrgan {
namespace {

std::shared_ptr<const ByteSource> open_bytes(const std::string& path) {
  if (path == "-") return read_standard_input_whole();
  return std::make_shared<InputFile>(path);
}

/// A decoder, and what was said of the picture it is at.
struct OpenFile {
  std::string path;
  std::shared_ptr<const ByteSource> source;
  const Codec* codec = nullptr;
  std::unique_ptr<Decoder> decoder;
  size_t remarks_told = 0;

  OpenFile(const std::string& name, const std::vector<std::string>& formats)
      : path(name), source(open_bytes(name)), codec(&codec_of(*source, name)) {
    const auto allows = [this](const std::string& extension) { return find_codec(extension) == codec; };
    if (!formats.empty() && std::none_of(formats.begin(), formats.end(), allows))
      throw Error(
          ErrorKind::unsupported, path,
          "is a " + std::string(codec->name) + " file, which is not among the formats that may be read");
    decoder = open_decoder(*codec, source);
    check();
  }

  void next() {
    decoder->next();
    remarks_told = 0;
    check();
  }

  void check() const {
    const StoredPicture& p = decoder->picture();
    const bool fits =
        p.width > 0 && p.height > 0 && p.width <= limits::picture_side && p.height <= limits::picture_side &&
        int64_t{p.width} * p.height <= limits::picture_pixels && p.channels >= 1 && p.channels <= 4;
    if (!fits)
      throw Error(ErrorKind::unsupported, path, "size of the image", "up to 1000000x1000000 pixels",
                  std::to_string(p.width) + "x" + std::to_string(p.height));
  }

  void tell_remarks() {
    const auto& remarks = decoder->picture().remarks;
    for (; remarks_told < remarks.size(); ++remarks_told) log_warning(path + ": " + remarks[remarks_told]);
  }
};

/// What is made of a picture's header: what the rows will be like, and how they are still to be turned.
struct Prepared {
  ImageInfo info;
  int orientation = 1;
};

Prepared prepare(const OpenFile& file) {
  const StoredPicture& p = file.decoder->picture();
  Prepared prepared;
  ImageInfo& info = prepared.info;
  info.width = p.width;
  info.height = p.height;
  info.channels = p.channels;
  const bool in_memory_as_floats = has_own_values(p.type) && !is_floating(p.type);
  info.type = in_memory_as_floats ? SampleType::f32 : p.type;
  if (in_memory_as_floats) info.range.whole = p.type;
  info.range.linear = p.linear;
  info.bits = p.bits;
  info.seconds = p.seconds;
  info.metadata = p.metadata;
  const int said = std::max(p.orientation, orientation_of(*p.metadata));
  if (said != 1) {
    auto metadata = std::make_shared<ImageMetadata>(*p.metadata);
    reset_orientation(*metadata, said);
    info.metadata = std::move(metadata);
  }
  prepared.orientation = file.codec->upright ? 1 : said;
  return prepared;
}

class FileSource : public RowSource {
 public:
  FileSource(std::shared_ptr<OpenFile> file, ImageInfo info)
      : file_(std::move(file)), info_(std::move(info)) {}
  const ImageInfo& info() const override { return info_; }
  bool random_access() const override { return false; }
  size_t memory() const override { return file_->decoder->memory(); }

  void read(int begin, int end, float* out) override {
    if (end <= begin) return;
    const size_t count = static_cast<size_t>(end - begin) * info_.row_samples();
    raw_.resize(count * size_of(info_.type));
    file_->decoder->read(end - begin, raw_.data());
    unpack_samples(raw_.data(), info_.type, count, out);
    if (end == info_.height) file_->tell_remarks();
  }

 private:
  std::shared_ptr<OpenFile> file_;
  ImageInfo info_;
  std::vector<std::byte> raw_;
};

void divide_by_alpha(double* pixels, size_t samples, size_t channels) {
  for (size_t i = 0; i < samples; i += channels) {
    const double alpha = pixels[i + channels - 1];
    if (alpha > 0)
      for (size_t c = 0; c + 1 < channels; ++c) pixels[i + c] /= alpha;
  }
}

/// Rows of values of their own to floats in [0, 1], in two passes: what is the range, and then by it.
class OwnValues {
 public:
  OwnValues(OpenFile& file, ImageInfo& info) : file_(file), info_(info), picture_(file.decoder->picture()) {}

  /// Reads the picture.
  std::vector<float> read() {
    const size_t row = info_.row_samples(), total = row * static_cast<size_t>(info_.height);
    const size_t sample = size_of(picture_.type);
    std::vector<std::byte> raw(total * sample);
    file_.decoder->read(info_.height, raw.data());
    std::vector<double> values(row);
    for (int y = 0; y < info_.height; ++y) {
      take_row(raw.data() + static_cast<size_t>(y) * row * sample, values);
      find_range(values);
    }
    settle_range();
    std::vector<float> pixels(total);
    for (int y = 0; y < info_.height; ++y) {
      take_row(raw.data() + static_cast<size_t>(y) * row * sample, values);
      normalise(values, pixels.data() + static_cast<size_t>(y) * row);
    }
    if (broken_)
      log_warning(file_.path + ": infinite or undefined samples are taken as the nearest number there is");
    return pixels;
  }

 private:
  void take_row(const std::byte* raw, std::vector<double>& values) const {
    const auto channels = static_cast<size_t>(info_.channels);
    unpack_values(raw, picture_.type, values.size(), values.data());
    if (picture_.alpha != Alpha::none)
      for (size_t i = channels - 1; i < values.size(); i += channels) values[i] /= full_value(picture_.type);
    if (picture_.alpha == Alpha::associated) divide_by_alpha(values.data(), values.size(), channels);
    if (!info_.range.linear) return;
    for (size_t i = 0; i < values.size(); ++i)
      if (i % channels < static_cast<size_t>(info_.colours()))
        values[i] = srgb_from_linear(static_cast<float>(values[i]));
  }

  void find_range(const std::vector<double>& values) {
    const auto channels = static_cast<size_t>(info_.channels), colours = static_cast<size_t>(info_.colours());
    for (size_t i = 0; i < values.size(); ++i) {
      if (i % channels >= colours) continue;
      if (!std::isfinite(values[i])) {
        broken_ = true;
      } else {
        least_ = std::min(least_, values[i]);
        most_ = std::max(most_, values[i]);
      }
    }
  }

  /// Floats within [0, 1] are colours and stay what they are; everything else is brought there.
  void settle_range() {
    if (least_ > most_) least_ = most_ = 0;  // there was no number at all
    ValueRange& range = info_.range;
    if (picture_.spread)
      std::tie(range.lo, range.hi) = *picture_.spread;
    else if (!range.whole && least_ >= 0 && most_ <= 1) {
      range.lo = 0;
      range.hi = 1;
    } else {
      range.lo = least_;
      range.hi = most_ > least_ ? most_ : least_ + 1;
    }
  }

  void normalise(const std::vector<double>& values, float* out) const {
    const auto channels = static_cast<size_t>(info_.channels), colours = static_cast<size_t>(info_.colours());
    const double scale = 1 / (info_.range.hi - info_.range.lo);
    for (size_t i = 0; i < values.size(); ++i) {
      const bool colour = i % channels < colours;
      double value = colour ? (values[i] - info_.range.lo) * scale : values[i];
      if (!std::isfinite(value)) value = std::isinf(value) && value > 0 ? 1 : 0;
      out[i] = static_cast<float>(value);
    }
  }

  OpenFile& file_;
  ImageInfo& info_;
  const StoredPicture& picture_;
  double least_ = HUGE_VAL, most_ = -HUGE_VAL;
  bool broken_ = false;
};

void divide_by_alpha(Image& image) {
  const ImageInfo& i = image.info;
  const size_t row = i.row_samples();
  std::vector<float> floats(row);
  std::vector<double> values(row);
  for (int y = 0; y < i.height; ++y) {
    std::byte* samples = image.samples.data() + static_cast<size_t>(y) * row * size_of(i.type);
    unpack_samples(samples, i.type, row, floats.data());
    std::copy(floats.begin(), floats.end(), values.begin());
    divide_by_alpha(values.data(), row, static_cast<size_t>(i.channels));
    std::transform(values.begin(), values.end(), floats.begin(),
                   [](double v) { return static_cast<float>(v); });
    pack_samples(floats.data(), row, i.type, samples);
  }
}

Image read_whole(OpenFile& file, const Prepared& prepared) {
  const StoredPicture& picture = file.decoder->picture();
  Image image{prepared.info, {}};
  ImageInfo& i = image.info;
  if (has_own_values(picture.type)) {
    const std::vector<float> pixels = OwnValues(file, i).read();
    image.samples.resize(i.bytes());
    pack_samples(pixels.data(), pixels.size(), i.type, image.samples.data());
  } else {
    image.samples.resize(i.bytes());
    file.decoder->read(i.height, image.samples.data());
    if (picture.alpha == Alpha::associated) divide_by_alpha(image);
  }
  apply_orientation(image, prepared.orientation);
  file.tell_remarks();
  return image;
}

/// Throws Error when reading the picture takes more than `limit` bytes, the decoder's own among them.
void check_memory(const OpenFile& file, const Prepared& prepared, bool as_whole, uint64_t limit) {
  const ImageInfo& info = prepared.info;
  const uint64_t samples = info.row_samples() * static_cast<uint64_t>(info.height);
  const SampleType stored = file.decoder->picture().type;
  uint64_t picture = samples * size_of(info.type);
  if (prepared.orientation != 1) picture *= 2;  // the turned copy
  if (has_own_values(stored))
    picture += samples * (size_of(stored) + sizeof(float));  // as stored, and as floats
  if (info.has_alpha())
    picture = std::max(picture, samples * (2 * size_of(info.type) + 2 * sizeof(float)));  // bleeding
  const uint64_t needed = file.decoder->memory() + (as_whole ? picture : 0);
  if (needed > limit)
    throw Error(ErrorKind::out_of_resources, file.path,
                "this kind of image must be in memory as a whole, which takes " + format_memory_size(needed),
                "at most " + format_memory_size(limit) + " (see --max-memory)");
}

}  // namespace

struct PictureReader::State {
  std::shared_ptr<OpenFile> file;
  int next = 0;
};

PictureReader::PictureReader(const std::string& path, const std::vector<std::string>& formats)
    : state_(new State{std::make_shared<OpenFile>(path, formats)}) {}
PictureReader::~PictureReader() = default;

int PictureReader::pictures() const {
  return state_->file->decoder->pictures();
}

uint64_t PictureReader::bytes_as_floats() const {
  const StoredPicture& p = state_->file->decoder->picture();
  return static_cast<uint64_t>(p.width) * static_cast<uint64_t>(p.height) *
         static_cast<uint64_t>(p.channels) * sizeof(float);
}

std::unique_ptr<RowSource> PictureReader::next(bool whole, HiddenColours hidden, uint64_t memory_limit) {
  OpenFile& file = *state_->file;
  if (state_->next >= pictures()) return nullptr;
  if (state_->next > 0) file.next();
  Prepared prepared = prepare(file);
  const bool as_whole = whole || prepared.orientation != 1 || prepared.info.has_alpha() ||
                        has_own_values(file.decoder->picture().type);
  check_memory(file, prepared, as_whole, memory_limit);
  ++state_->next;
  file.tell_remarks();
  if (!as_whole) return std::make_unique<FileSource>(state_->file, std::move(prepared.info));
  auto image = std::make_shared<Image>(read_whole(file, prepared));
  if (hidden == HiddenColours::bled) bleed_colours(*image);
  return make_source(std::move(image));
}

std::unique_ptr<RowSource> open_image(const std::string& path, bool whole, uint64_t memory_limit) {
  return PictureReader(path).next(whole, HiddenColours::bled, memory_limit);
}

Image read_image(const std::string& path) {
  return with_errors([&] {
    OpenFile file(path, {});
    const Prepared prepared = prepare(file);
    check_memory(file, prepared, true, available_memory());
    return read_whole(file, prepared);
  });
}

bool can_read(const std::string& extension) {
  const Codec* codec = find_codec(extension);
  return codec != nullptr && is_available(*codec);
}

}  // namespace esrgan
