#include "image/reader.h"

#include <esrgan/error.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <tuple>
#include <utility>

#include "base/errors.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/platform_memory.h"
#include "image/bleed.h"
#include "image/codecs/spread.h"
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
  int page = 0;
  std::optional<std::pair<double, double>> shown;  // instead of the picture's own range
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
    ++page;
    remarks_told = 0;
    check();
  }

  void check() const {
    const StoredPicture& p = decoder->picture();
    const bool fits = p.width > 0 && p.height > 0 && p.width <= limits::picture_side &&
                      p.height <= limits::picture_side &&
                      int64_t{p.width} * p.height <= limits::picture_pixels && p.channels >= 1 &&
                      p.channels <= (p.bands > 0 ? limits::picture_bands : 4);
    if (!fits)
      throw Error(ErrorKind::unsupported, path, "size of the image", "up to 1000000x1000000 pixels",
                  std::to_string(p.width) + "x" + std::to_string(p.height));
  }

  void refuse_bands() const {
    const StoredPicture& p = decoder->picture();
    if (p.bands > 0)
      throw Error(ErrorKind::unsupported, path, "channels of a picture",
                  "gray or RGB, maybe with transparency",
                  std::to_string(p.channels) + ", of which " + std::to_string(p.bands) +
                      " are bands; 'esrgan upscale' enlarges such files");
  }

  void tell_remarks() {
    const auto& remarks = decoder->picture().remarks;
    for (; remarks_told < remarks.size(); ++remarks_told) log_warning(path + ": " + remarks[remarks_told]);
  }
};

void divide_by_alpha(double* pixels, size_t samples, size_t channels) {
  for (size_t i = 0; i < samples; i += channels) {
    const double alpha = pixels[i + channels - 1];
    if (alpha > 0)
      for (size_t c = 0; c + 1 < channels; ++c) pixels[i + c] /= alpha;
  }
}

/// Whether the floats that are made of a picture's samples depend on where its numbers lie. Measurements of
/// 16 bits, or of few, are seldom spread over all of them.
bool has_numbers(const StoredPicture& picture) {
  const bool few = picture.type == SampleType::u16 || picture.held;
  return has_own_values(picture.type) ||
         (few && picture.alpha == Alpha::none && picture.metadata->is_measured());
}

/// Rows of numbers of their own, as a decoder gives them.
class NumberRows {
 public:
  NumberRows(Decoder& decoder, bool linear) : decoder_(decoder), linear_(linear) {}

  /// Bytes that are held for a picture like this.
  static uint64_t memory(const StoredPicture& picture) {
    if (!has_numbers(picture)) return 0;
    return picture.row_bytes() +
           static_cast<uint64_t>(picture.width) * static_cast<uint64_t>(picture.channels) * sizeof(double);
  }

  /// The next row.
  const std::vector<double>& read() {
    const StoredPicture& picture = decoder_.picture();
    const auto channels = static_cast<size_t>(picture.channels);
    raw_.resize(picture.row_bytes());
    numbers_.resize(static_cast<size_t>(picture.width) * channels);
    decoder_.read(1, raw_.data());
    unpack_values(raw_.data(), picture.type, numbers_.size(), numbers_.data());
    if (picture.alpha != Alpha::none)
      for (size_t i = channels - 1; i < numbers_.size(); i += channels)
        numbers_[i] /= full_value(picture.type);
    if (picture.alpha == Alpha::associated) divide_by_alpha(numbers_.data(), numbers_.size(), channels);
    if (linear_)
      for (size_t i = 0; i < numbers_.size(); ++i)
        if (picture.alpha == Alpha::none || i % channels + 1 < channels)
          numbers_[i] = srgb_from_linear(static_cast<float>(numbers_[i]));
    return numbers_;
  }

 private:
  Decoder& decoder_;
  bool linear_;
  std::vector<std::byte> raw_;
  std::vector<double> numbers_;
};

/// Where a picture's numbers lie.
class Survey {
 public:
  Survey(const ImageInfo& info, bool measured)
      : info_(info),
        measured_(measured),
        together_(info.colours() - info.bands),
        groups_(static_cast<size_t>(info.bands + (together_ > 0 ? 1 : 0)),
                Group{Spread(static_cast<uint64_t>(info.width) * static_cast<uint64_t>(info.height) *
                                 static_cast<uint64_t>(std::max(1, together_)),
                             most_kept / static_cast<uint64_t>(std::max(1, info.bands)))}) {}

  void add(const std::vector<double>& numbers) {
    const auto channels = static_cast<size_t>(info_.channels), colours = static_cast<size_t>(info_.colours());
    for (size_t i = 0; i < numbers.size(); ++i) {
      if (i % channels >= colours || !std::isfinite(numbers[i])) continue;
      if (info_.no_data && info_.no_data->contains(numbers[i])) continue;
      if (measured_ && numbers[i] == lowest) {
        has_lowest_ = true;
        continue;
      }
      Group& group = groups_[group_of(i % channels)];
      group.least = std::min(group.least, numbers[i]);
      group.most = std::max(group.most, numbers[i]);
      if (measured_) group.spread.add(numbers[i]);
    }
  }

  /// Sets what becomes 0 and 1: one range for colours, and one for each band. The least float of all is what
  /// many programs fill maps with, saying so or not.
  void settle(ImageInfo& info) {
    if (has_lowest_) info.no_data = {lowest, lowest, lowest};
    ValueRange& range = info.range;
    const std::array<double, 2> first = ends(groups_.front());
    range.lo = first[0];
    range.hi = first[1];
    if (groups_.size() == 1) return;
    for (int c = 0; c < info_.channels; ++c)
      range.of_channels.push_back(ends(groups_[group_of(static_cast<size_t>(c))]));
  }

 private:
  static constexpr double lowest = std::numeric_limits<float>::lowest();
  static constexpr uint64_t most_kept = 2'000'000;  // numbers, of all groups

  struct Group {
    Spread spread;
    double least = HUGE_VAL, most = -HUGE_VAL;
  };

  size_t group_of(size_t channel) const {
    const auto together = static_cast<size_t>(together_);
    return channel < together ? 0 : channel - together + (together > 0 ? 1 : 0);
  }

  /// Of measurements the outermost do not count; floats within [0, 1] are colours and stay what they are.
  std::array<double, 2> ends(Group& group) const {
    if (group.least > group.most) return {0, 1};  // there was no number at all
    if (measured_) {
      const auto [lo, hi] = group.spread.ends();
      return {lo, hi};
    }
    if (!info_.range.whole && group.least >= 0 && group.most <= 1) return {0, 1};
    return {group.least, group.most > group.least ? group.most : group.least + 1};
  }

  const ImageInfo& info_;
  bool measured_;
  int together_;  // channels that have one range
  std::vector<Group> groups_;
  bool has_lowest_ = false;
};

/// What is made of a picture's header: what the rows will be like, and how they are still to be turned.
struct Prepared {
  ImageInfo info;
  int orientation = 1;
};

/// Reads the picture's numbers once before.
void survey(const OpenFile& file, ImageInfo& info) {
  const auto decoder = open_decoder(*file.codec, file.source);
  for (int page = 0; page < file.page; ++page) decoder->next();
  Survey found(info, decoder->picture().metadata->is_measured());
  NumberRows rows(*decoder, info.range.linear);
  for (int y = 0; y < info.height; ++y) found.add(rows.read());
  found.settle(info);
}

Prepared prepare(const OpenFile& file) {
  const StoredPicture& p = file.decoder->picture();
  Prepared prepared;
  ImageInfo& info = prepared.info;
  info.width = p.width;
  info.height = p.height;
  info.channels = p.channels;
  const bool in_memory_as_floats = has_numbers(p) && !is_floating(p.type);
  info.type = in_memory_as_floats ? SampleType::f32 : p.type;
  if (in_memory_as_floats) info.range.whole = p.type;
  if (in_memory_as_floats) info.range.held = p.held ? p.held : ends_of(p.type);
  if (p.alpha == Alpha::none && p.bits == 0) info.no_data = p.no_data;
  info.range.linear = p.linear;
  info.bits = p.bits;
  info.bands = p.bands;
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

/// Finds what becomes 0 and 1, where that is not known.
void settle_range(const OpenFile& file, ImageInfo& info) {
  const StoredPicture& picture = file.decoder->picture();
  if (!has_numbers(picture)) return;
  if (picture.spread)
    std::tie(info.range.lo, info.range.hi) = file.shown.value_or(*picture.spread);
  else
    survey(file, info);
}

/// Rows of a file to floats.
class RowFloats {
 public:
  RowFloats(OpenFile& file, const ImageInfo& info)
      : file_(file), info_(info), numbers_(*file.decoder, info.range.linear) {
    for (size_t c = 0; c < static_cast<size_t>(info.channels); ++c) {
      lo_.push_back(info.range.lo_of(c));
      scale_.push_back(1 / (info.range.hi_of(c) - lo_.back()));
    }
  }

  void read(int count, float* out) {
    if (!has_numbers(file_.decoder->picture())) {
      raw_.resize(static_cast<size_t>(count) * info_.row_samples() * size_of(info_.type));
      file_.decoder->read(count, raw_.data());
      unpack_samples(raw_.data(), info_.type, static_cast<size_t>(count) * info_.row_samples(), out);
      return;
    }
    for (int y = 0; y < count; ++y, out += info_.row_samples()) normalise(numbers_.read(), out);
  }

  /// After the last row.
  void finish() {
    if (broken_)
      log_warning(file_.path +
                  ": infinite, undefined or enormous samples are taken as the nearest number that can be");
    file_.tell_remarks();
  }

 private:
  static constexpr double farthest = 1e6;  // beyond black and white, that networks can be given

  void normalise(const std::vector<double>& numbers, float* out) {
    const auto channels = static_cast<size_t>(info_.channels), colours = static_cast<size_t>(info_.colours());
    for (size_t i = 0; i < numbers.size(); ++i) {
      const size_t c = i % channels;
      const bool colour = c < colours;
      if (colour && info_.no_data && info_.no_data->contains(numbers[i])) {
        out[i] = std::numeric_limits<float>::quiet_NaN();
        continue;
      }
      double value = colour ? (numbers[i] - lo_[c]) * scale_[c] : numbers[i];
      if (!std::isfinite(value)) {
        broken_ = true;
        value = value > 0 ? 1 : 0;
      } else if (std::abs(value) > farthest) {
        broken_ = true;
        value = std::copysign(farthest, value);
      }
      out[i] = static_cast<float>(value);
    }
  }

  OpenFile& file_;
  const ImageInfo& info_;
  NumberRows numbers_;
  std::vector<double> lo_, scale_;  // of channels
  std::vector<std::byte> raw_;
  bool broken_ = false;
};

class FileSource : public RowSource {
 public:
  FileSource(std::shared_ptr<OpenFile> file, ImageInfo info)
      : file_(std::move(file)), info_(std::move(info)), rows_(*file_, info_) {}
  const ImageInfo& info() const override { return info_; }
  bool random_access() const override { return false; }
  size_t memory() const override {
    return file_->decoder->memory() + NumberRows::memory(file_->decoder->picture());
  }

  void read(int begin, int end, float* out) override {
    if (end <= begin) return;
    rows_.read(end - begin, out);
    if (end == info_.height) rows_.finish();
  }

 private:
  std::shared_ptr<OpenFile> file_;
  ImageInfo info_;
  RowFloats rows_;
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
  const ImageInfo& i = image.info;
  image.samples.resize(i.bytes());
  if (has_numbers(picture)) {
    RowFloats rows(file, i);
    std::vector<float> row(i.row_samples());
    for (int y = 0; y < i.height; ++y) {
      rows.read(1, row.data());
      pack_samples(row.data(), row.size(), i.type,
                   image.samples.data() + static_cast<size_t>(y) * row.size() * size_of(i.type));
    }
    rows.finish();
  } else {
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
  uint64_t picture = samples * size_of(info.type);
  if (prepared.orientation != 1) picture *= 2;  // the turned copy
  if (info.has_alpha())
    picture = std::max(picture, samples * (2 * size_of(info.type) + 2 * sizeof(float)));  // bleeding
  if (info.no_data) picture += samples * sizeof(float);                                   // filled
  const uint64_t needed =
      file.decoder->memory() + NumberRows::memory(file.decoder->picture()) + (as_whole ? picture : 0);
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

std::optional<PictureReader::Series> PictureReader::series() const {
  const StoredPicture& picture = state_->file->decoder->picture();
  if (picture.series.empty() || !picture.spread) return std::nullopt;
  return Series{picture.series, picture.spread->first, picture.spread->second};
}

void PictureReader::show(double lo, double hi) {
  state_->file->shown = {lo, hi};
}

bool holds_measurements(const std::string& path) {
  if (path == "-") return false;  // which can be read once
  const Codec* const codec = find_codec(path);
  if (codec != nullptr && (codec->holds.of_its_kind || !codec->holds.bands)) return codec->holds.of_its_kind;
  try {
    return OpenFile(path, {}).decoder->picture().metadata->is_measured();
  } catch (const Error&) {
    return false;
  }
}

bool may_be_in_series(const std::string& path) {
  if (path == "-") return false;
  try {
    return codec_of(InputFile(path), path).in_series;
  } catch (const Error&) {
    return false;
  }
}

void PictureReader::refuse_bands() const {
  state_->file->refuse_bands();
}

uint64_t PictureReader::bytes_as_floats() const {
  const StoredPicture& p = state_->file->decoder->picture();
  return static_cast<uint64_t>(p.width) * static_cast<uint64_t>(p.height) *
         static_cast<uint64_t>(p.channels) * sizeof(float);
}

FilledSource PictureReader::next(bool whole, HiddenColours hidden, uint64_t memory_limit) {
  OpenFile& file = *state_->file;
  if (state_->next >= pictures()) return {};
  if (state_->next > 0) file.next();
  Prepared prepared = prepare(file);
  const bool as_whole = whole || prepared.orientation != 1 || prepared.info.has_alpha();
  check_memory(file, prepared, as_whole, memory_limit);
  settle_range(file, prepared.info);
  ++state_->next;
  file.tell_remarks();
  if (!as_whole) return fill_gaps(std::make_unique<FileSource>(state_->file, std::move(prepared.info)));
  auto image = std::make_shared<Image>(read_whole(file, prepared));
  if (hidden == HiddenColours::bled) bleed_colours(*image);
  return fill_gaps(make_source(std::move(image)));
}

std::unique_ptr<RowSource> open_image(const std::string& path, bool whole, uint64_t memory_limit) {
  PictureReader file(path);
  file.refuse_bands();
  return file.next(whole, HiddenColours::bled, memory_limit).source;
}

Image read_image(const std::string& path) {
  return with_errors([&] {
    OpenFile file(path, {});
    file.refuse_bands();
    Prepared prepared = prepare(file);
    check_memory(file, prepared, true, available_memory());
    settle_range(file, prepared.info);
    return read_whole(file, prepared);
  });
}

bool can_read(const std::string& extension) {
  const Codec* codec = find_codec(extension);
  return codec != nullptr && is_available(*codec);
}

}  // namespace esrgan
