#include "image/writer.h"

#include <esrgan/error.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "base/errors.h"
#include "base/file.h"
#include "base/log.h"
#include "base/platform_process.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "image/codecs/table.h"
#include "image/gaps.h"
#include "image/metadata/georeference.h"
#include "image/metadata_fit.h"
#include "image/samples.h"

namespace esrgan {
namespace {

bool contains(const std::vector<SampleType>& types, SampleType type) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

/// What a picture becomes in a format, with what is to be said about it. Throws Error when it cannot be.
class Storage {
 public:
  Storage(const std::string& path, const Codec& codec, const ImageInfo& info, const WriteOptions& options)
      : path_(path), codec_(codec), info_(info), options_(options) {
    stored.width = info.width;
    stored.height = info.height;
    stored.seconds = info.seconds;
    check_side();
    choose_channels();
    choose_type();
    if (info.metadata == nullptr && options.dpi <= 0) return;
    ImageMetadata metadata = info.metadata ? *info.metadata : ImageMetadata{};
    // What it speaks of are other numbers, or what was not masked.
    if (codec.name == "TIFF" && !stored.no_data) drop_gdal_no_data(metadata.exif);
    stored.metadata = fit_metadata(metadata, codec, stored, options, stored.remarks);
  }

  StoredPicture stored;
  bool values = false;  ///< samples are values of their own, brought back by the picture's range
  bool spread = false;  ///< values of their own become shares of white

 private:
  void check_side() const {
    const int64_t most = codec_.holds.largest_side;
    if (most > 0 && (info_.width > most || info_.height > most))
      throw Error(ErrorKind::unsupported, path_, "is too large for " + std::string(codec_.name),
                  "at most " + std::to_string(most) + " pixels each way",
                  std::to_string(info_.width) + "x" + std::to_string(info_.height));
  }

  bool holds_channels(int channels) const {
    return codec_.holds.channels.find(static_cast<char>('0' + channels)) != std::string_view::npos;
  }

  void choose_channels() {
    stored.channels = info_.channels;
    if (info_.bands > 0) {
      if (!codec_.holds.bands)
        throw Error(ErrorKind::unsupported, path_, "channels of a " + std::string(codec_.name) + " picture",
                    "gray or RGB, maybe with transparency; tif holds bands", std::to_string(info_.channels));
      stored.bands = info_.bands;
      return;
    }
    if (!holds_channels(stored.channels) && info_.colours() == 1 && holds_channels(info_.has_alpha() ? 4 : 3))
      stored.channels = info_.has_alpha() ? 4 : 3;  // gray as RGB
    if (!holds_channels(stored.channels) && info_.has_alpha()) {
      stored.channels = holds_channels(info_.colours()) ? info_.colours() : 3;
      stored.remarks.push_back(
          std::string(codec_.name) + " has no transparency; the picture is laid over " +
          (options_.background == WriteOptions{}.background ? "white" : "the background"));
    }
    if (!holds_channels(stored.channels))
      throw Error(ErrorKind::unsupported, path_, std::string(codec_.name) + " holds no colours",
                  "a format such as png or ppm for a picture in colour", "");
    stored.alpha = stored.channels % 2 == 0 ? codec_.holds.alpha : Alpha::none;
  }

  void choose_type() {
    const ValueRange& range = info_.range;
    const bool own_values = has_own_values(info_.type) || range.whole;
    const SampleType natural = range.whole.value_or(info_.type);
    SampleType wanted = natural;
    if (options_.bit_depth == 8) wanted = SampleType::u8;
    if (options_.bit_depth == 16 && wanted != SampleType::f16) wanted = SampleType::u16;
    if (options_.bit_depth == 32) wanted = SampleType::f32;
    stored.type = nearest(wanted);
    values = own_values && holds_values();
    if (info_.no_data && stored.type == natural && stored.channels == info_.channels)
      stored.no_data = info_.no_data;
    stored.linear =
        has_own_values(stored.type) && (range.linear || (codec_.holds.linear && !has_own_range()));
    if (!holds_values() && has_own_range()) check_range();
    if (has_own_range()) stored.shown = shown_numbers();
    if (stored.type == SampleType::u16 && info_.type == SampleType::u16 && options_.bit_depth == 0)
      stored.bits = info_.bits;
    if (natural == SampleType::u16 && stored.type == SampleType::u8 && options_.bit_depth == 0)
      stored.remarks.push_back(std::string(codec_.name) + " holds 8 bits of the picture's " +
                               std::to_string(info_.bits != 0 ? info_.bits : 16));
    if (range.whole && is_floating(stored.type))
      stored.remarks.push_back(std::string("whole numbers (") + name_of(*range.whole) +
                               ") are written as floats");
  }

  std::string shown_numbers() const {
    const ValueRange& range = info_.range;
    const auto from_to = [](double lo, double hi) { return text_of(lo) + " to " + text_of(hi); };
    std::string text = "Numbers seen as black to white: ";
    if (range.of_channels.empty()) return text + from_to(range.lo, range.hi) + ".";
    for (size_t c = 0; c < range.of_channels.size(); ++c)
      text += (c == 0 ? "" : ", ") + from_to(range.lo_of(c), range.hi_of(c));
    return text + " (by bands).";
  }

  /// Whether what is stored can be the numbers themselves.
  bool holds_values() const { return has_own_values(stored.type) || info_.range.whole == stored.type; }

  /// Values other than colours from black to white.
  bool has_own_range() const {
    return info_.range.whole || (!info_.range.linear && !info_.range.is_default());
  }

  /// Such values as shares of white mean nothing any more: that is done on request only.
  void check_range() {
    const ValueRange& range = info_.range;
    const std::string found = std::string("values from ") + text_of(range.lo) + " to " + text_of(range.hi);
    if (options_.bit_depth == 0)
      throw Error(ErrorKind::unsupported, path_,
                  "the picture's numbers do not fit into " + std::string(codec_.name),
                  "a format such as tif, or --bit-depth 8 or 16 to spread them from black to white", found);
    stored.remarks.push_back(found + " are spread from black to white");
    spread = true;
  }

  /// The wanted type, else the next larger of its kind, else the largest that there is.
  SampleType nearest(SampleType wanted) const {
    const std::vector<SampleType>& types = codec_.holds.types;
    if (contains(types, wanted)) return wanted;
    if (wanted != SampleType::u8 && wanted != SampleType::u16 && contains(types, SampleType::f32))
      return SampleType::f32;
    for (const SampleType type : types)
      if (type >= wanted && type <= SampleType::f32) return type;
    SampleType most = types.front();
    for (const SampleType type : types)
      if (type <= SampleType::f32) most = std::max(most, type);
    return most;
  }

  const std::string& path_;
  const Codec& codec_;
  const ImageInfo& info_;
  const WriteOptions& options_;
};

/// Rows of floats to rows as they are stored.
class RowPacker {
 public:
  RowPacker(const ImageInfo& info, const Storage& storage, const std::array<float, 3>& background)
      : info_(info),
        stored_(storage.stored),
        values_(storage.values),
        spread_(storage.spread),
        background_(background) {}

  void pack(const float* row, std::byte* out) {
    pack_numbers(row, out);
    if (stored_.no_data) pack_gaps(row, info_.row_samples(), stored_.type, *stored_.no_data, out);
  }

 private:
  void pack_numbers(const float* row, std::byte* out) {
    const size_t samples = static_cast<size_t>(stored_.width) * static_cast<size_t>(stored_.channels);
    if (is_plain()) return pack_samples(row, samples, stored_.type, out);
    row_.clear();
    const auto channels = static_cast<size_t>(info_.channels);
    for (size_t i = 0; i < info_.row_samples(); i += channels) transform(row + i);
    if (values_ || has_own_values(stored_.type)) return pack_values(row_.data(), samples, stored_.type, out);
    floats_.assign(row_.begin(), row_.end());
    pack_samples(floats_.data(), samples, stored_.type, out);
  }

  bool is_plain() const {
    return info_.range.is_default() && !stored_.linear && stored_.channels == info_.channels &&
           stored_.alpha != Alpha::associated;
  }

  void transform(const float* pixel) {
    const auto colours = static_cast<size_t>(info_.colours());
    const bool alpha_too = stored_.bands == 0 && stored_.channels % 2 == 0;
    const auto to_colours = static_cast<size_t>(stored_.channels - (alpha_too ? 1 : 0));
    const double alpha = info_.has_alpha() ? std::clamp(static_cast<double>(pixel[colours]), 0.0, 1.0) : 1.0;
    const bool flatten = info_.has_alpha() && !alpha_too;
    const ValueRange& range = info_.range;
    for (size_t c = 0; c < to_colours; ++c) {
      double value = pixel[colours == 1 ? 0 : c];
      if (!spread_) value = range.lo_of(c) + (range.hi_of(c) - range.lo_of(c)) * value;
      if (flatten) value = value * alpha + (1 - alpha) * static_cast<double>(background_[c]);
      if (stored_.linear) value = linear_from_srgb(static_cast<float>(value));
      row_.push_back(stored_.alpha == Alpha::associated ? value * alpha : value);
    }
    if (alpha_too) row_.push_back(values_ ? alpha * full_value(stored_.type) : alpha);
  }

  const ImageInfo& info_;
  const StoredPicture& stored_;
  bool values_, spread_;
  std::array<float, 3> background_;
  std::vector<double> row_;
  std::vector<float> floats_;
};

/// The file or the stream, and its encoder; shared by the sinks of its pictures.
class FileWriter : public PictureWriter {
 public:
  FileWriter(std::string path, WriteOptions write_options, int pictures)
      : path_(std::move(path)), options_(std::move(write_options)), codec_(chosen_codec(path_, options_)) {
    const WriteOptions& options = options_;
    if (options.lossless && !codec_.holds.lossless)
      throw Error(ErrorKind::unsupported, path_, std::string(codec_.name) + " cannot be written without loss",
                  "a format such as png, tif or webp");
    encode_.quality = std::clamp(options.quality, 1, 100);
    encode_.lossless = options.lossless;
    encode_.compression = options.compression;
    encode_.threads = options.threads > 0 ? options.threads : available_processors();
    encode_.derivation = options.derivation;
    encode_.cloud_optimised = options.cloud_optimised;
    if (options.cloud_optimised && codec_.name != "TIFF")
      throw Error(ErrorKind::invalid_argument, path_, "a cloud-optimised file", "tif",
                  std::string(codec_.name));
    encode_.not_for_diagnosis = options.not_for_diagnosis;
    encode_.extension = lower_extension(options.format.empty() ? path_ : options.format);
    encode_.pictures = codec_.holds.several ? std::max(1, pictures) : 1;
    if (pictures > encode_.pictures)
      log_warning(path_ + ": " + std::string(codec_.name) + " holds one picture; the first of " +
                  std::to_string(pictures) + " is written");
  }

  int pictures() const override { return encode_.pictures; }
  std::unique_ptr<RowSink> picture(const ImageInfo& info) override;

  uint64_t memory(const ImageInfo& info) const override {
    const Storage storage(path_, codec_, info, options_);
    class Nowhere : public ByteSink {
      const std::string& name() const override { return name_; }
      uint64_t size() const override { return 0; }
      void write(std::span<const uint8_t>) override {}
      void write_at(uint64_t, std::span<const uint8_t>) override {}
      size_t read_at(uint64_t, std::span<uint8_t>) override { return 0; }
      std::string name_;
    } nowhere;
    return create_encoder(codec_, nowhere, encode_)->memory(storage.stored);
  }

 private:
  friend class FileSink;

  static const Codec& chosen_codec(const std::string& path, const WriteOptions& options) {
    const Codec* codec = find_codec(options.format.empty() ? path : options.format);
    if (codec == nullptr || codec->holds.channels.empty())
      throw Error(ErrorKind::unsupported, path, "images cannot be written in this format",
                  "an extension such as png, jpg, tif, webp or exr",
                  "'" + lower_extension(options.format.empty() ? path : options.format) + "'");
    if (!is_available(*codec))
      throw Error(ErrorKind::unsupported, path,
                  std::string(codec->name) + " pictures cannot be written here: " + how_to_get(*codec));
    return *codec;
  }

  void open() {
    if (encoder_ != nullptr) return;
    if (path_ == "-")
      sink_ = std::make_unique<StandardOutput>();
    else
      sink_ = std::make_unique<OutputFile>(path_);
    encoder_ = create_encoder(codec_, *sink_, encode_);
  }

  void end_picture() {
    encoder_->end();
    if (++done_ < encode_.pictures) return;
    encoder_->finish();
    encoder_.reset();
    if (auto* file = dynamic_cast<OutputFile*>(sink_.get())) file->commit();
    if (auto* stream = dynamic_cast<StandardOutput*>(sink_.get())) stream->commit();
    sink_.reset();
  }

  std::string path_;
  WriteOptions options_;
  const Codec& codec_;
  EncodeOptions encode_;
  std::unique_ptr<ByteSink> sink_;
  std::unique_ptr<Encoder> encoder_;  // ends before the sink does
  int done_ = 0;
};

/// Writes one picture.
class FileSink : public RowSink {
 public:
  FileSink(std::shared_ptr<FileWriter> writer, ImageInfo info)
      : writer_(std::move(writer)),
        info_(std::move(info)),
        storage_(writer_->path_, writer_->codec_, info_, writer_->options_),
        packer_(info_, storage_, writer_->options_.background) {
    for (const std::string& remark : storage_.stored.remarks) log_warning(writer_->path_ + ": " + remark);
    writer_->open();
    writer_->encoder_->begin(storage_.stored);
  }

  void write(const float* rows, int count) override {
    const size_t row_bytes = storage_.stored.row_bytes();
    packed_.resize(row_bytes * static_cast<size_t>(count));
    for (int y = 0; y < count; ++y)
      packer_.pack(rows + static_cast<size_t>(y) * info_.row_samples(),
                   packed_.data() + static_cast<size_t>(y) * row_bytes);
    writer_->encoder_->write(packed_.data(), count);
  }

  void finish() override { writer_->end_picture(); }

 private:
  std::shared_ptr<FileWriter> writer_;
  ImageInfo info_;
  Storage storage_;
  RowPacker packer_;
  std::vector<std::byte> packed_;
};

std::unique_ptr<RowSink> FileWriter::picture(const ImageInfo& info) {
  return std::make_unique<FileSink>(std::static_pointer_cast<FileWriter>(shared_from_this()), info);
}

}  // namespace

std::shared_ptr<PictureWriter> PictureWriter::create(const std::string& path, const WriteOptions& options,
                                                     int pictures) {
  return std::make_shared<FileWriter>(path, options, pictures);
}

void write_image(const Image& image, const std::string& path, const WriteOptions& options) {
  with_errors([&] {
    const auto source = make_source(std::shared_ptr<const Image>(std::shared_ptr<const Image>(), &image));
    const auto sink = PictureWriter::create(path, options)->picture(image.info);
    std::vector<float> row(image.info.row_samples());
    for (int y = 0; y < image.info.height; ++y) {
      source->read(y, y + 1, row.data());
      sink->write(row.data(), 1);
    }
    sink->finish();
  });
}

bool can_write(const std::string& extension) {
  const Codec* codec = find_codec(extension);
  return codec != nullptr && !codec->holds.channels.empty() && is_available(*codec);
}

std::vector<FormatInfo> list_formats() {
  return with_errors([&] {
    std::vector<FormatInfo> formats;
    for (const Codec& codec : codecs()) {
      FormatInfo info;
      info.name = codec.name;
      for (const std::string_view extension : codec.extensions) info.extensions.emplace_back(extension);
      info.readable = is_available(codec);
      info.writable = info.readable && !codec.holds.channels.empty();
      if (!info.readable) info.missing = how_to_get(codec);
      info.channels = codec.holds.channels;
      info.types = codec.holds.types;
      info.lossy = codec.holds.lossy;
      info.lossless = codec.holds.lossless;
      info.icc = codec.holds.icc;
      info.exif = codec.holds.exif;
      info.xmp = codec.holds.xmp;
      info.iptc = codec.holds.iptc;
      info.text = codec.holds.text;
      info.several = codec.holds.several;
      info.of_its_kind = codec.holds.of_its_kind;
      info.largest_side = codec.holds.largest_side;
      formats.push_back(std::move(info));
    }
    return formats;
  });
}

}  // namespace esrgan
