#include <esrgan/error.h>

#include <webp/encode.h>
#include <webp/mux.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <optional>
#include <span>

#include "base/text.h"
#include "image/codecs/webp.h"
#include "image/codecs/webp_picture.h"

namespace esrgan {
namespace {

constexpr int lossless_level = 4;        // as good as the higher ones, nearly, in a fraction of the time
constexpr double longest_frame = 16777;  // seconds: milliseconds have 24 bits
constexpr size_t piece_bytes = 1U << 20U;

/// Larger pictures are encoded without libwebp's buffer of tokens: as good, a little slower, and in a fifth
/// of the memory.
constexpr uint64_t pixels_with_tokens = uint64_t{1} << 22U;

uint64_t pixels_of(const StoredPicture& picture) {
  return static_cast<uint64_t>(picture.width) * static_cast<uint64_t>(picture.height);
}

/// Bytes that libwebp 1.2.4 holds at most for a picture, samples and output included: measured with noise.
uint64_t bytes_to_encode(const StoredPicture& picture, const EncodeOptions& options) {
  const uint64_t pixels = pixels_of(picture), tables = uint64_t{4} << 20U;
  if (options.lossless && options.compression == 9) return 115 * pixels + 6 * tables;
  if (options.lossless) return (options.compression > 6 ? 46 : 36) * pixels + tables;
  const uint64_t alpha = picture.channels == 4 ? 30 : 0;  // is encoded without loss
  return (alpha + (pixels > pixels_with_tokens ? 5 : 30)) * pixels + tables;
}

/// Bytes of a frame in the file, of noise.
uint64_t bytes_encoded(const StoredPicture& picture, bool lossless) {
  const bool alpha = picture.channels == 4;
  return (lossless ? (alpha ? 4 : 3) : (alpha ? 3 : 2)) * pixels_of(picture);
}

struct Delete {
  void operator()(WebPAnimEncoder* encoder) const { WebPAnimEncoderDelete(encoder); }
  void operator()(WebPMux* mux) const { WebPMuxDelete(mux); }
};

/// Memory that libwebp allocated.
struct Bytes {
  WebPData data{};
  Bytes() = default;
  ~Bytes() { WebPDataClear(&data); }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  Bytes(Bytes&&) = delete;
  Bytes& operator=(Bytes&&) = delete;
};

/// What an encoder writes, in memory.
struct Output {
  WebPMemoryWriter writer{};
  Output() { WebPMemoryWriterInit(&writer); }
  ~Output() { WebPMemoryWriterClear(&writer); }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  Output(Output&&) = delete;
  Output& operator=(Output&&) = delete;
};

WebPConfig config_of(const EncodeOptions& options, const std::string& file) {
  WebPConfig config;
  bool known = WebPConfigInit(&config) != 0;
  if (options.lossless) {
    const int level = options.compression < 0 ? lossless_level : options.compression;
    known = known && WebPConfigLosslessPreset(&config, level) != 0;
    config.exact = 1;  // colours that are transparent stay as well
  } else {
    config.quality = static_cast<float>(options.quality);
  }
  config.thread_level = options.threads > 1 ? 1 : 0;
  if (!known || WebPValidateConfig(&config) == 0)
    throw Error(ErrorKind::invalid_argument, file,
                "WebP: a quality from 0 to 100 and a compression from 0 to 9 are needed");
  return config;
}

[[noreturn]] void fail(WebPEncodingError error, const std::string& file) {
  switch (error) {
    case VP8_ENC_ERROR_OUT_OF_MEMORY:
    case VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY:
      throw std::bad_alloc();
    case VP8_ENC_ERROR_PARTITION0_OVERFLOW:
    case VP8_ENC_ERROR_PARTITION_OVERFLOW:
    case VP8_ENC_ERROR_FILE_TOO_BIG:
      throw Error(ErrorKind::unsupported, file, "the picture is too large for WebP at this quality");
    default:
      throw Error(ErrorKind::internal, file,
                  "libwebp could not encode the picture: error " + std::to_string(error));
  }
}

void check(WebPMuxError error, const std::string& file) {
  if (error == WEBP_MUX_MEMORY_ERROR) throw std::bad_alloc();
  if (error != WEBP_MUX_OK)
    throw Error(ErrorKind::internal, file,
                "libwebp could not put the file together: error " + std::to_string(error));
}

template <typename T>
WebPData data_of(const T& bytes) {
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

/// Bytes of the metadata that the format holds.
uint64_t blocks_of(const ImageMetadata* metadata) {
  return metadata == nullptr ? 0 : metadata->icc.size() + metadata->exif.size() + metadata->xmp.size();
}

/// The file with metadata added.
void add_blocks(const WebPData& file, const ImageMetadata& metadata, const std::string& name, Bytes& to) {
  const std::unique_ptr<WebPMux, Delete> mux(WebPMuxCreate(&file, 0));
  if (!mux) throw std::bad_alloc();
  const auto add = [&](const char* chunk, const WebPData& block) {
    if (block.size > 0) check(WebPMuxSetChunk(mux.get(), chunk, &block, 0), name);
  };
  add("ICCP", data_of(metadata.icc));
  add("EXIF", data_of(metadata.exif));
  add("XMP ", data_of(metadata.xmp));
  check(WebPMuxAssemble(mux.get(), &to.data), name);
}

class WebpEncoder final : public Encoder {
 public:
  WebpEncoder(ByteSink& sink, const EncodeOptions& options)
      : sink_(sink),
        options_(options),
        config_(config_of(options, sink.name())),
        animation_(options.pictures > 1) {}

  void begin(const StoredPicture& picture) override {
    const bool holds = picture.type == SampleType::u8 && (picture.channels == 3 || picture.channels == 4);
    if (!holds)
      throw Error(ErrorKind::unsupported, sink_.name(), "WebP cannot hold the picture",
                  "8 bits of 3 or 4 channels",
                  std::string(name_of(picture.type)) + " of " + std::to_string(picture.channels));
    if (picture.width > WEBP_MAX_DIMENSION || picture.height > WEBP_MAX_DIMENSION)
      throw Error(ErrorKind::unsupported, sink_.name(), "the picture is too large for WebP",
                  "sides of at most " + std::to_string(WEBP_MAX_DIMENSION),
                  std::to_string(picture.width) + "x" + std::to_string(picture.height));
    if (animation_) begin_frame(picture);
    if (!metadata_) metadata_ = picture.metadata;
    config_.low_memory = pixels_of(picture) > pixels_with_tokens ? 1 : 0;
    samples_.emplace(picture, animation_ || config_.lossless != 0);
  }

  void write(const std::byte* rows, int count) override {
    samples_->add(reinterpret_cast<const uint8_t*>(rows), count);
  }

  void end() override {
    WebPPicture& picture = samples_->get();
    if (animation_) {
      if (WebPAnimEncoderAdd(encoder_.get(), &picture, milliseconds(), &config_) == 0)
        throw Error(
            ErrorKind::internal, sink_.name(),
            std::string("libwebp could not encode the frame: ") + WebPAnimEncoderGetError(encoder_.get()));
      seconds_ += frame_seconds_;
    } else {
      picture.writer = WebPMemoryWrite;
      picture.custom_ptr = &output_.writer;
      if (WebPEncode(&config_, &picture) == 0) fail(picture.error_code, sink_.name());
    }
    samples_.reset();
  }

  void finish() override {
    if (!animation_) return write_file({output_.writer.mem, output_.writer.size});
    Bytes file;
    if (!encoder_ || WebPAnimEncoderAdd(encoder_.get(), nullptr, milliseconds(), nullptr) == 0 ||
        WebPAnimEncoderAssemble(encoder_.get(), &file.data) == 0)
      throw Error(ErrorKind::internal, sink_.name(), "libwebp could not put the animation together");
    encoder_.reset();
    write_file(file.data);
  }

  uint64_t memory(const StoredPicture& picture) const override {
    const uint64_t blocks = blocks_of(picture.metadata.get()), frame = bytes_to_encode(picture, options_);
    if (!animation_) return frame + blocks;
    const uint64_t canvases = 8 * 4 * pixels_of(picture);  // of the library, and the frame that is added
    const uint64_t file =
        bytes_encoded(picture, options_.lossless) * static_cast<uint64_t>(options_.pictures);
    return canvases + file + std::max(frame, file + blocks);
  }

 private:
  void begin_frame(const StoredPicture& picture) {
    if (!encoder_) start(picture);
    if (picture.width != width_ || picture.height != height_)
      throw Error(ErrorKind::unsupported, sink_.name(), "the frames of a WebP animation must have one size",
                  std::to_string(width_) + "x" + std::to_string(height_),
                  std::to_string(picture.width) + "x" + std::to_string(picture.height));
    if (picture.seconds > longest_frame)
      throw Error(ErrorKind::unsupported, sink_.name(), "a frame is shown for too long for WebP",
                  text_of(longest_frame) + " s", text_of(picture.seconds));
    frame_seconds_ = std::max(picture.seconds, 0.0);
    milliseconds_of(seconds_ + frame_seconds_);
  }

  void start(const StoredPicture& picture) {
    WebPAnimEncoderOptions options;
    if (WebPAnimEncoderOptionsInit(&options) == 0)
      throw Error(ErrorKind::internal, sink_.name(), "libwebp is of another version");
    const int loops = picture.metadata ? picture.metadata->loops : 0;
    options.anim_params.loop_count = std::clamp(loops, 0, 65535);
    encoder_.reset(WebPAnimEncoderNew(picture.width, picture.height, &options));
    if (!encoder_) throw std::bad_alloc();
    width_ = picture.width;
    height_ = picture.height;
  }

  /// Of the next frame's beginning. Rounding the sum keeps the length of the whole.
  int milliseconds() const { return milliseconds_of(seconds_); }

  int milliseconds_of(double seconds) const {
    if (!(seconds * 1000 < std::numeric_limits<int>::max()))
      throw Error(ErrorKind::unsupported, sink_.name(), "the animation is too long for WebP",
                  "at most 24 days");
    return static_cast<int>(std::lround(seconds * 1000));
  }

  void write_file(const WebPData& file) {
    if (blocks_of(metadata_.get()) == 0) return put(file);
    Bytes whole;
    add_blocks(file, *metadata_, sink_.name(), whole);
    put(whole.data);
  }

  void put(const WebPData& file) {
    for (std::span<const uint8_t> left(file.bytes, file.size); !left.empty();) {
      const size_t some = std::min(left.size(), piece_bytes);
      sink_.write(left.first(some));
      left = left.subspan(some);
    }
  }

  ByteSink& sink_;
  EncodeOptions options_;
  WebPConfig config_;
  bool animation_;
  std::shared_ptr<const ImageMetadata> metadata_;  ///< of the first picture
  std::optional<WebpPicture> samples_;             ///< of the picture that is being written
  Output output_;                                  ///< a still picture, encoded
  std::unique_ptr<WebPAnimEncoder, Delete> encoder_;
  int width_ = 0, height_ = 0;              ///< of the animation
  double seconds_ = 0, frame_seconds_ = 0;  ///< so far, and of the frame
};

}  // namespace

std::unique_ptr<Encoder> create_webp(ByteSink& sink, const EncodeOptions& options) {
  return std::make_unique<WebpEncoder>(sink, options);
}

}  // namespace esrgan
