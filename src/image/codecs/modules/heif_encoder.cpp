// Writing HEIF and AVIF.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <exception>

#include "image/codecs/modules/heif.h"
#include "image/codecs/modules/module.h"

namespace esrgan::heif_module {
namespace {

struct EncoderFree {
  void operator()(heif_encoder* encoder) const { heif_encoder_release(encoder); }
};
struct OptionsFree {
  void operator()(heif_encoding_options* options) const { heif_encoding_options_free(options); }
};

/// How colours become luma and chroma (H.273, 8.3).
struct Matrix {
  int number;
  double red, blue;  ///< weights in luma
};

constexpr Matrix identity{0, 0, 0};
constexpr Matrix bt601{6, 0.299, 0.114};

/// That of the metadata where it is one of the usual ones, or else BT.601's, which is what readers suppose.
Matrix lossy_matrix(const ImageMetadata* metadata) {
  const int wanted = metadata != nullptr && metadata->code_points ? metadata->code_points->matrix : 2;
  switch (wanted) {
    case 1:
      return {1, 0.2126, 0.0722};
    case 5:
      return {5, bt601.red, bt601.blue};
    case 9:
      return {9, 0.2627, 0.0593};
    default:
      return bt601;
  }
}

/// libheif 1.15 asks libaom for an impossible profile when there are 10 bits (its issue 788).
bool has_av1_of_10_bits() {
  return heif_get_version_number_major() > 1 || heif_get_version_number_minor() >= 17;
}

int depth_of(const StoredPicture& picture, heif_compression_format format) {
  if (picture.type == SampleType::u8) return 8;
  if (picture.bits == 10 && format == heif_compression_AV1) return has_av1_of_10_bits() ? 10 : 12;
  if (picture.bits == 10 || picture.bits == 12) return picture.bits;
  return format == heif_compression_AV1 ? 12 : 10;
}

struct Plane {
  uint8_t* samples = nullptr;
  size_t stride = 0;
};

class HeifEncoder : public Encoder {
 public:
  HeifEncoder(ByteSink& sink, EncodeOptions options, heif_compression_format format)
      : sink_(sink), options_(std::move(options)), format_(format), context_(heif_context_alloc()) {
    if (!context_) throw std::bad_alloc();
  }

  void begin(const StoredPicture& picture) override {
    check_plane(picture, sink_.name());
    picture_ = picture;
    depth_ = depth_of(picture, format_);
    most_ = (1U << static_cast<unsigned>(depth_)) - 1;
    gray_ = picture.channels <= 2;
    matrix_ = options_.lossless && !gray_ ? identity : lossy_matrix(picture.metadata.get());
    heif_image* image = nullptr;
    check_call(heif_image_create(picture.width, picture.height,
                                 gray_ ? heif_colorspace_monochrome : heif_colorspace_YCbCr,
                                 gray_ ? heif_chroma_monochrome : heif_chroma_444, &image));
    image_.reset(image);
    add_plane(heif_channel_Y);
    if (!gray_) {
      add_plane(heif_channel_Cb);
      add_plane(heif_channel_Cr);
    }
    if (picture.channels % 2 == 0) add_plane(heif_channel_Alpha);
    set_colour();
  }

  void write(const std::byte* rows, int count) override {
    const size_t bytes = picture_.row_bytes();
    for (int row = 0; row < count; ++row, ++row_) {
      const auto* from = rows + static_cast<size_t>(row) * bytes;
      if (picture_.type == SampleType::u8) {
        take(reinterpret_cast<const uint8_t*>(from));
      } else {
        take(reinterpret_cast<const uint16_t*>(from));
      }
    }
  }

  void end() override {
    const auto encoder = make_encoder();
    const std::unique_ptr<heif_encoding_options, OptionsFree> options(heif_encoding_options_alloc());
    if (!options) throw std::bad_alloc();
    options->save_two_colr_boxes_when_ICC_and_nclx_available = 1;
    // Older systems of Apple do not open HEIC with code points: without need, they are left to the bit
    // stream.
    const bool has_points = picture_.metadata && picture_.metadata->code_points;
    options->macOS_compatibility_workaround_no_nclx_profile =
        has_points || matrix_.number == identity.number ? 0 : 1;
    heif_image_handle* handle = nullptr;
    check_call(
        heif_context_encode_image(context_.get(), image_.get(), encoder.get(), options.get(), &handle));
    const Handle owner(handle);
    image_.reset();
    if (picture_.metadata) add_metadata(*picture_.metadata, handle);
  }

  void finish() override {
    struct Target {
      ByteSink& sink;
      std::exception_ptr failure;
    } target{sink_, nullptr};
    heif_writer writer{1, [](heif_context*, const void* data, size_t size, void* self) {
                         auto& to = *static_cast<Target*>(self);
                         try {
                           to.sink.write({static_cast<const uint8_t*>(data), size});
                           return heif_error{heif_error_Ok, heif_suberror_Unspecified, "ok"};
                         } catch (...) {
                           to.failure = std::current_exception();
                           return heif_error{heif_error_Encoding_error,
                                             heif_suberror_Cannot_write_output_data, "cannot write"};
                         }
                       }};
    const auto error = heif_context_write(context_.get(), &writer, &target);
    if (target.failure) std::rethrow_exception(target.failure);
    check_call(error);
  }

  /// The planes; the encoder's copy of them, its reconstruction and what it knows of blocks; the compressed
  /// bytes.
  uint64_t memory(const StoredPicture& picture) const override {
    const uint64_t pixels = static_cast<uint64_t>(picture.width) * static_cast<uint64_t>(picture.height);
    const uint64_t planes =
        static_cast<uint64_t>(picture.channels) * (depth_of(picture, format_) > 8 ? 2 : 1);
    constexpr uint64_t copies = 6, of_blocks = 24;
    return pixels * (planes * copies + of_blocks);
  }

 private:
  void check_call(const heif_error& error) const {
    check(error, sink_.name(), "HEIF file cannot be written");
  }

  void add_plane(heif_channel channel) {
    check_call(heif_image_add_plane(image_.get(), channel, picture_.width, picture_.height, depth_));
    int stride = 0;
    Plane plane;
    plane.samples = heif_image_get_plane(image_.get(), channel, &stride);
    if (plane.samples == nullptr || stride < 0) throw std::bad_alloc();
    plane.stride = static_cast<size_t>(stride);
    planes_.push_back(plane);
  }

  void set_colour() {
    const ImageMetadata none;
    const auto& metadata = picture_.metadata ? *picture_.metadata : none;
    if (!metadata.icc.empty()) {
      check_call(
          heif_image_set_raw_color_profile(image_.get(), "prof", metadata.icc.data(), metadata.icc.size()));
    }
    const Profile profile(heif_nclx_color_profile_alloc());
    if (!profile) throw std::bad_alloc();
    // What is not known is not specified beside a profile, and else sRGB.
    CodePoints points = metadata.icc.empty() ? CodePoints{1, 13, 2, true} : CodePoints{};
    if (metadata.code_points) points = *metadata.code_points;
    const auto narrow = [](int number) { return static_cast<uint16_t>(std::clamp(number, 0, 255)); };
    set_or(heif_nclx_color_profile_set_color_primaries(profile.get(), narrow(points.primaries)), [&] {
      return heif_nclx_color_profile_set_color_primaries(profile.get(), heif_color_primaries_unspecified);
    });
    set_or(heif_nclx_color_profile_set_transfer_characteristics(profile.get(), narrow(points.transfer)), [&] {
      return heif_nclx_color_profile_set_transfer_characteristics(profile.get(),
                                                                  heif_transfer_characteristic_unspecified);
    });
    check_call(heif_nclx_color_profile_set_matrix_coefficients(profile.get(), narrow(matrix_.number)));
    profile->full_range_flag = 1;
    check_call(heif_image_set_nclx_color_profile(image_.get(), profile.get()));
  }

  /// Numbers that libheif does not know are replaced.
  template <typename Otherwise>
  void set_or(const heif_error& error, const Otherwise& otherwise) const {
    if (error.code != heif_error_Ok) check_call(otherwise());
  }

  std::unique_ptr<heif_encoder, EncoderFree> make_encoder() const {
    heif_encoder* found = nullptr;
    check(heif_context_get_encoder_for_format(context_.get(), format_, &found), sink_.name(),
          format_ == heif_compression_AV1 ? "libheif has no encoder for AV1"
                                          : "libheif has no encoder for HEVC");
    std::unique_ptr<heif_encoder, EncoderFree> encoder(found);
    check_call(heif_encoder_set_lossy_quality(found, std::clamp(options_.quality, 1, 100)));
    check_call(heif_encoder_set_lossless(found, options_.lossless ? 1 : 0));
    check_call(heif_encoder_set_parameter_string(found, "chroma", "444"));
    set_effort(found);
    return encoder;
  }

  /// Parameters of libaom and of x265; other encoders may not have them.
  void set_effort(heif_encoder* encoder) const {
    const int threads = std::clamp(options_.threads, 1, 16);
    if (format_ == heif_compression_AV1) {
      constexpr int usual = 6;  // of 0 (small) to 8 (fast)
      const int speed = options_.compression < 0 ? usual : std::clamp(9 - options_.compression, 0, 8);
      heif_encoder_set_parameter_integer(encoder, "speed", speed);
      heif_encoder_set_parameter_integer(encoder, "threads", threads);
      return;
    }
    constexpr std::array presets{"ultrafast", "superfast", "veryfast", "faster",   "fast",
                                 "medium",    "slow",      "slower",   "veryslow", "placebo"};
    constexpr int usual = 2;
    const int preset = options_.compression < 0 ? usual : std::clamp(options_.compression, 0, 9);
    heif_encoder_set_parameter_string(encoder, "preset", presets.at(static_cast<size_t>(preset)));
    const std::string pools = threads > 1 ? std::to_string(threads) : "none";
    heif_encoder_set_parameter_string(encoder, "x265:pools", pools.c_str());
    heif_encoder_set_parameter_string(encoder, "x265:frame-threads", "1");
    // libheif takes smaller blocks for narrow pictures, which x265 refuses when they are long; they are
    // padded anyway.
    heif_encoder_set_parameter_string(encoder, "x265:ctu", "64");
  }

  void add_metadata(const ImageMetadata& metadata, heif_image_handle* handle) {
    const auto fits = [&](size_t bytes) {
      if (bytes <= limits::metadata_block) return true;
      throw Error(ErrorKind::unsupported, sink_.name(), "metadata is too long for HEIF");
    };
    if (!metadata.exif.empty() && fits(metadata.exif.size())) {
      check_call(heif_context_add_exif_metadata(context_.get(), handle, metadata.exif.data(),
                                                static_cast<int>(metadata.exif.size())));
    }
    if (!metadata.xmp.empty() && fits(metadata.xmp.size())) {
      check_call(heif_context_add_XMP_metadata(context_.get(), handle, metadata.xmp.data(),
                                               static_cast<int>(metadata.xmp.size())));
    }
  }

  void put(size_t plane, size_t x, uint32_t sample) {
    uint8_t* row = planes_[plane].samples + static_cast<size_t>(row_) * planes_[plane].stride;
    if (depth_ == 8) {
      row[x] = static_cast<uint8_t>(sample);
    } else {
      const auto both = static_cast<uint16_t>(sample);
      std::memcpy(row + 2 * x, &both, sizeof both);
    }
  }

  template <typename Sample>
  void take(const Sample* from) {
    constexpr uint32_t full = sizeof(Sample) == 1 ? 255 : 65535;
    const auto brought = [&](Sample sample) { return most_ == full ? sample : rescale(sample, full, most_); };
    const auto width = static_cast<size_t>(picture_.width), channels = static_cast<size_t>(picture_.channels);
    for (size_t x = 0; x < width; ++x) {
      const Sample* pixel = from + x * channels;
      if (gray_) {
        put(0, x, brought(pixel[0]));
      } else {
        put_colour(x, {brought(pixel[0]), brought(pixel[1]), brought(pixel[2])});
      }
      if (channels % 2 == 0) put(planes_.size() - 1, x, brought(pixel[channels - 1]));
    }
  }

  void put_colour(size_t x, const std::array<uint32_t, 3>& rgb) {
    if (matrix_.number == identity.number) {  // H.273: G, B, R
      put(0, x, rgb[1]);
      put(1, x, rgb[2]);
      put(2, x, rgb[0]);
      return;
    }
    const double red = rgb[0], green = rgb[1], blue = rgb[2];
    const double luma = matrix_.red * red + (1 - matrix_.red - matrix_.blue) * green + matrix_.blue * blue;
    const double middle = (most_ + 1) / 2.0;
    put(0, x, whole(luma));
    put(1, x, whole(middle + (blue - luma) / (2 * (1 - matrix_.blue))));
    put(2, x, whole(middle + (red - luma) / (2 * (1 - matrix_.red))));
  }

  uint32_t whole(double value) const {
    return static_cast<uint32_t>(std::clamp(value + 0.5, 0.0, most_ + 0.5));
  }

  ByteSink& sink_;
  EncodeOptions options_;
  heif_compression_format format_;
  Context context_;
  Image image_;
  std::vector<Plane> planes_;  ///< of image_
  StoredPicture picture_;
  Matrix matrix_ = bt601;
  int depth_ = 8, row_ = 0;
  uint32_t most_ = 255;
  bool gray_ = false;
};

}  // namespace

std::unique_ptr<Encoder> create(ByteSink& sink, const EncodeOptions& options,
                                heif_compression_format format) {
  return std::make_unique<HeifEncoder>(sink, options, format);
}

}  // namespace esrgan::heif_module
