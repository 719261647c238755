// Writing JPEG XL.
#include <jxl/encode.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/half.h"
#include "image/codecs/modules/jxl.h"
#include "image/codecs/modules/module.h"

namespace esrgan::jxl_module {
namespace {

struct EncoderFree {
  void operator()(JxlEncoder* encoder) const { JxlEncoderDestroy(encoder); }
};

constexpr uint32_t ticks_a_second = 1000;

/// libjxl's own relation, of its later versions: from 1 on, differences begin to be visible.
float distance_of(int quality) {
  const auto q = static_cast<float>(std::clamp(quality, 1, 100));
  if (q >= 30) return 0.1F + (100 - q) * 0.09F;
  return 53.0F / 3000.0F * q * q - 23.0F / 20.0F * q + 25.0F;
}

/// The library's 1 (fast) to 9 (small). Its own 7 needs many times as long for a few per cent.
int effort_of(const EncodeOptions& options) {
  constexpr int lossless = 3, lossy = 5, most = 9;
  if (options.compression >= 0) return std::clamp(options.compression, 1, most);
  return options.lossless ? lossless : lossy;
}

/// Whether there are halfs that libjxl 0.7 does not store exactly: those from 2^-15 to 2^-14, infinities and
/// NaN.
bool needs_full_floats(std::span<const std::byte> samples) {
  for (size_t at = 0; at + 2 <= samples.size(); at += 2) {
    uint16_t half = 0;
    std::memcpy(&half, samples.data() + at, sizeof half);
    const uint16_t magnitude = half & 0x7FFFU;
    if (magnitude >= 0x7C00U || (magnitude >= 0x0200U && magnitude < 0x0400U)) return true;
  }
  return false;
}

std::vector<std::byte> full_floats(std::span<const std::byte> halfs) {
  std::vector<std::byte> floats(halfs.size() * 2);
  for (size_t at = 0; at + 2 <= halfs.size(); at += 2) {
    uint16_t half = 0;
    std::memcpy(&half, halfs.data() + at, sizeof half);
    const float value = float_from_half(half);
    std::memcpy(floats.data() + at * 2, &value, sizeof value);
  }
  return floats;
}

struct Format {
  JxlDataType type;
  uint32_t bits, exponent;
};

Format format_of(const StoredPicture& picture) {
  switch (picture.type) {
    case SampleType::u8:
      return {JXL_TYPE_UINT8, 8, 0};
    case SampleType::u16:
      return {JXL_TYPE_UINT16,
              picture.bits >= 9 && picture.bits <= 15 ? static_cast<uint32_t>(picture.bits) : 16, 0};
    case SampleType::f16:
      return {JXL_TYPE_FLOAT16, 16, 5};
    default:
      return {JXL_TYPE_FLOAT, 32, 8};
  }
}

/// Nothing when the library has no name for them.
std::optional<JxlColorEncoding> encoding_of(const CodePoints& points, bool gray) {
  JxlColorEncoding colour{};
  JxlColorEncodingSetToSRGB(&colour, gray);
  switch (points.primaries) {
    case 1:
      colour.primaries = JXL_PRIMARIES_SRGB;
      break;
    case 9:
      colour.primaries = JXL_PRIMARIES_2100;
      break;
    case 12:
      colour.primaries = JXL_PRIMARIES_P3;
      break;
    default:
      return std::nullopt;
  }
  switch (points.transfer) {
    case 1:
    case 6:
    case 14:
    case 15:
      colour.transfer_function = JXL_TRANSFER_FUNCTION_709;
      break;
    case 8:
      colour.transfer_function = JXL_TRANSFER_FUNCTION_LINEAR;
      break;
    case 13:
      colour.transfer_function = JXL_TRANSFER_FUNCTION_SRGB;
      break;
    case 16:
      colour.transfer_function = JXL_TRANSFER_FUNCTION_PQ;
      break;
    case 18:
      colour.transfer_function = JXL_TRANSFER_FUNCTION_HLG;
      break;
    default:
      return std::nullopt;
  }
  return colour;
}

class PixelEncoder : public Encoder {
 public:
  PixelEncoder(ByteSink& sink, EncodeOptions options)
      : sink_(sink),
        options_(std::move(options)),
        runner_(JxlResizableParallelRunnerCreate(nullptr)),
        encoder_(JxlEncoderCreate(nullptr)) {
    if (!runner_ || !encoder_) throw std::bad_alloc();
    if (options_.threads > 1) {
      JxlResizableParallelRunnerSetThreads(runner_.get(), static_cast<size_t>(options_.threads));
      check(JxlEncoderSetParallelRunner(encoder_.get(), JxlResizableParallelRunner, runner_.get()));
    }
  }

  void begin(const StoredPicture& picture) override {
    picture_ = picture;
    samples_.resize(bytes_of_picture(picture));
    filled_ = 0;
  }

  void write(const std::byte* rows, int count) override {
    const size_t bytes = picture_.row_bytes() * static_cast<size_t>(std::max(count, 0));
    std::memcpy(samples_.data() + filled_, rows, bytes);
    filled_ += bytes;
  }

  void end() override {
    if (frames_ == 0) set_up();
    if (full_) samples_ = full_floats(samples_);
    check(JxlEncoderAddImageFrame(frame_settings(), &format_, samples_.data(), samples_.size()));
    std::vector<std::byte>().swap(samples_);
    if (++frames_ == options_.pictures) JxlEncoderCloseInput(encoder_.get());
    drain();
  }

  void finish() override {
    JxlEncoderCloseInput(encoder_.get());
    drain();
  }

  /// The samples, and the library's: 4 bytes each for the picture, its transform and what is made of it.
  uint64_t memory(const StoredPicture& picture) const override {
    const uint64_t pixels = static_cast<uint64_t>(picture.width) * static_cast<uint64_t>(picture.height);
    constexpr uint64_t number = 4;
    return bytes_of_picture(picture) + pixels * static_cast<uint64_t>(std::max(picture.channels, 3)) *
                                           number * (options_.lossless ? 6 : 4);
  }

 private:
  void check(JxlEncoderStatus status) const {
    if (status == JXL_ENC_SUCCESS) return;
    if (JxlEncoderGetError(encoder_.get()) == JXL_ENC_ERR_OOM) throw std::bad_alloc();
    throw Error(ErrorKind::internal, sink_.name(),
                "JPEG XL file cannot be written (libjxl's error " +
                    std::to_string(JxlEncoderGetError(encoder_.get())) + ")");
  }

  /// What is decided once for the file, by its first picture.
  void set_up() {
    full_ = picture_.type == SampleType::f16 && options_.lossless &&
            (options_.pictures > 1 || needs_full_floats(samples_));
    if (full_) picture_.type = SampleType::f32;
    const auto format = format_of(picture_);
    format_ = {static_cast<uint32_t>(picture_.channels), format.type, JXL_NATIVE_ENDIAN, 0};
    JxlBasicInfo info;
    JxlEncoderInitBasicInfo(&info);
    info.xsize = static_cast<uint32_t>(picture_.width);
    info.ysize = static_cast<uint32_t>(picture_.height);
    info.bits_per_sample = format.bits;
    info.exponent_bits_per_sample = format.exponent;
    info.num_color_channels = picture_.channels <= 2 ? 1 : 3;
    info.uses_original_profile = options_.lossless;
    const auto alpha = alpha_of(format);
    if (alpha) {
      info.num_extra_channels = 1;
      info.alpha_bits = alpha->bits_per_sample;
      info.alpha_exponent_bits = alpha->exponent_bits_per_sample;
    }
    if (options_.pictures > 1) {
      info.have_animation = JXL_TRUE;
      info.animation.tps_numerator = ticks_a_second;
      info.animation.tps_denominator = 1;
      info.animation.num_loops =
          picture_.metadata ? static_cast<uint32_t>(std::max(picture_.metadata->loops, 0)) : 0;
    }
    if (const float nits = brightest(); nits > 0) info.intensity_target = nits;
    check(JxlEncoderSetBasicInfo(encoder_.get(), &info));
    if (alpha) check(JxlEncoderSetExtraChannelInfo(encoder_.get(), 0, &*alpha));
    set_colour(picture_);
    if (picture_.metadata) add_boxes(*picture_.metadata);
  }

  /// Luminance of the brightest white where the transfer function says it (H.273): PQ's, and of HLG the usual
  /// display's; else 0. The library takes 255 cd/m2 by default.
  float brightest() const {
    constexpr int pq = 16, hlg = 18;
    if (picture_.linear || !picture_.metadata || !picture_.metadata->code_points) return 0;
    const int transfer = picture_.metadata->code_points->transfer;
    return transfer == pq ? 10'000.0F : transfer == hlg ? 1000.0F : 0.0F;
  }

  std::optional<JxlExtraChannelInfo> alpha_of(const Format& format) const {
    if (picture_.channels % 2 != 0) return std::nullopt;
    JxlExtraChannelInfo alpha;
    JxlEncoderInitExtraChannelInfo(JXL_CHANNEL_ALPHA, &alpha);
    // Lossy, the library rounds the bits of a float as if they were a whole number.
    const bool whole = format.exponent != 0 && !options_.lossless;
    alpha.bits_per_sample = whole ? 16 : format.bits;
    alpha.exponent_bits_per_sample = whole ? 0 : format.exponent;
    return alpha;
  }

  JxlEncoderFrameSettings* frame_settings() const {
    auto* settings = JxlEncoderFrameSettingsCreate(encoder_.get(), nullptr);
    if (settings == nullptr) throw std::bad_alloc();
    check(JxlEncoderFrameSettingsSetOption(settings, JXL_ENC_FRAME_SETTING_EFFORT, effort_of(options_)));
    if (options_.lossless) {
      check(JxlEncoderSetFrameLossless(settings, JXL_TRUE));
    } else {
      check(JxlEncoderSetFrameDistance(settings, distance_of(options_.quality)));
    }
    if (options_.pictures > 1) {
      JxlFrameHeader header;
      JxlEncoderInitFrameHeader(&header);
      constexpr double longest = 0x7FFFFFFF;
      header.duration =
          static_cast<uint32_t>(std::clamp(std::round(picture_.seconds * ticks_a_second), 1.0, longest));
      check(JxlEncoderSetFrameHeader(settings, &header));
    }
    return settings;
  }

  void set_colour(const StoredPicture& picture) {
    const bool gray = picture.channels <= 2;
    std::optional<JxlColorEncoding> named;
    if (picture.metadata && picture.metadata->code_points && !picture.linear) {
      named = encoding_of(*picture.metadata->code_points, gray);
    }
    if (!named && !picture.linear && picture.metadata && !picture.metadata->icc.empty()) {
      const auto& icc = picture.metadata->icc;
      if (JxlEncoderSetICCProfile(encoder_.get(), icc.data(), icc.size()) != JXL_ENC_SUCCESS) {
        throw Error(ErrorKind::unsupported, sink_.name(),
                    "JPEG XL cannot hold the ICC profile of this picture");
      }
      return;
    }
    JxlColorEncoding colour{};
    if (picture.linear) {
      JxlColorEncodingSetToLinearSRGB(&colour, gray);
    } else {
      JxlColorEncodingSetToSRGB(&colour, gray);
    }
    check(JxlEncoderSetColorEncoding(encoder_.get(), named ? &*named : &colour));
  }

  void add_boxes(const ImageMetadata& metadata) {
    if (metadata.exif.empty() && metadata.xmp.empty()) return;
    check(JxlEncoderUseBoxes(encoder_.get()));
    if (!metadata.exif.empty()) {
      std::vector<uint8_t> box(4);  // the TIFF header follows at once
      box.insert(box.end(), metadata.exif.begin(), metadata.exif.end());
      check(JxlEncoderAddBox(encoder_.get(), "Exif", box.data(), box.size(), JXL_FALSE));
    }
    if (!metadata.xmp.empty()) {
      check(JxlEncoderAddBox(encoder_.get(), "xml ", reinterpret_cast<const uint8_t*>(metadata.xmp.data()),
                             metadata.xmp.size(), JXL_FALSE));
    }
  }

  void drain() {
    std::vector<uint8_t> output(size_t{256} << 10U);
    for (auto status = JXL_ENC_NEED_MORE_OUTPUT; status == JXL_ENC_NEED_MORE_OUTPUT;) {
      uint8_t* next = output.data();
      size_t room = output.size();
      status = JxlEncoderProcessOutput(encoder_.get(), &next, &room);
      if (status != JXL_ENC_NEED_MORE_OUTPUT) check(status);
      sink_.write({output.data(), output.size() - room});
    }
  }

  ByteSink& sink_;
  EncodeOptions options_;
  Runner runner_;
  std::unique_ptr<JxlEncoder, EncoderFree> encoder_;
  JxlPixelFormat format_{};
  StoredPicture picture_;
  std::vector<std::byte> samples_;
  size_t filled_ = 0;
  int frames_ = 0;
  bool full_ = false;  ///< halfs are stored as 32-bit floats
};

}  // namespace

std::unique_ptr<Encoder> create(ByteSink& sink, const EncodeOptions& options) {
  return std::make_unique<PixelEncoder>(sink, options);
}

}  // namespace esrgan::jxl_module
