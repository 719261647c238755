#include <esrgan/error.h>

#include <webp/decode.h>
#include <webp/demux.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <optional>
#include <utility>

#include "base/limits.h"
#include "image/codecs/webp.h"

namespace esrgan {
namespace {

constexpr uint64_t riff_header = 12;  // "RIFF", the size of what follows it, "WEBP"

struct Delete {
  void operator()(WebPDemuxer* demuxer) const { WebPDemuxDelete(demuxer); }
  void operator()(WebPAnimDecoder* decoder) const { WebPAnimDecoderDelete(decoder); }
};

/// A frame's place and compressed data, as the container has them.
class Frame {
 public:
  Frame(const WebPDemuxer* demuxer, int number)
      : found_(WebPDemuxGetFrame(demuxer, number, &iterator_) != 0) {}
  ~Frame() { WebPDemuxReleaseIterator(&iterator_); }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;
  Frame(Frame&&) = delete;
  Frame& operator=(Frame&&) = delete;

  bool found() const { return found_; }
  const WebPIterator* operator->() const { return &iterator_; }

 private:
  WebPIterator iterator_{};
  bool found_;
};

/// The bytes of a file and where the parts of it are.
struct Container {
  std::string name;
  std::vector<uint8_t> bytes;
  std::unique_ptr<WebPDemuxer, Delete> demuxer;

  explicit Container(const ByteSource& source) : name(source.name()), bytes(size_of_file(source)) {
    if (source.read_at(0, bytes) != bytes.size()) throw damaged();
    const WebPData data{bytes.data(), bytes.size()};
    demuxer.reset(WebPDemux(&data));
    if (!demuxer || number(WEBP_FF_FRAME_COUNT) < 1) throw damaged();
    const int64_t width = number(WEBP_FF_CANVAS_WIDTH), height = number(WEBP_FF_CANVAS_HEIGHT);
    if (width > limits::picture_side || height > limits::picture_side ||
        width * height > limits::picture_pixels)
      throw Error(ErrorKind::unsupported, name, "the picture is too large",
                  "sides of at most " + std::to_string(limits::picture_side),
                  std::to_string(width) + "x" + std::to_string(height));
    if (number(WEBP_FF_FRAME_COUNT) > limits::pictures_in_file)
      throw Error(ErrorKind::unsupported, name, "too many frames",
                  "at most " + std::to_string(limits::pictures_in_file),
                  std::to_string(number(WEBP_FF_FRAME_COUNT)));
  }

  Error damaged() const { return {ErrorKind::bad_data, name, "damaged or truncated WebP"}; }
  int64_t number(WebPFormatFeature feature) const { return WebPDemuxGetI(demuxer.get(), feature); }
  bool animated() const { return (number(WEBP_FF_FORMAT_FLAGS) & ANIMATION_FLAG) != 0; }

 private:
  /// By its header: what follows does not belong to it.
  size_t size_of_file(const ByteSource& source) const {
    std::array<uint8_t, riff_header> head{};
    if (source.read_at(0, head) != head.size()) throw damaged();
    uint64_t size = 8;
    for (unsigned i = 0; i < 4; ++i) size += static_cast<uint64_t>(head[4 + i]) << (8 * i);
    if (size < riff_header || size > source.size()) throw damaged();
    return static_cast<size_t>(size);
  }
};

std::optional<std::span<const uint8_t>> find_chunk(const Container& file, const char* name,
                                                   std::vector<std::string>& remarks) {
  WebPChunkIterator chunk{};
  const bool found = WebPDemuxGetChunk(file.demuxer.get(), name, 1, &chunk) != 0;
  const std::span<const uint8_t> bytes(chunk.chunk.bytes, chunk.chunk.size);  // of the file
  WebPDemuxReleaseChunkIterator(&chunk);
  if (!found) return {};
  if (bytes.size() > limits::metadata_block) {
    remarks.emplace_back("a block of metadata is too large and was not used");
    return {};
  }
  return bytes;
}

std::shared_ptr<ImageMetadata> read_metadata(const Container& file, std::vector<std::string>& remarks) {
  auto metadata = std::make_shared<ImageMetadata>();
  if (const auto icc = find_chunk(file, "ICCP", remarks)) metadata->icc.assign(icc->begin(), icc->end());
  if (const auto xmp = find_chunk(file, "XMP ", remarks)) metadata->xmp.assign(xmp->begin(), xmp->end());
  if (auto exif = find_chunk(file, "EXIF", remarks)) {
    // Some writers put JPEG's signature in front.
    constexpr std::array<uint8_t, 6> signature{'E', 'x', 'i', 'f', 0, 0};
    if (exif->size() >= signature.size() && std::equal(signature.begin(), signature.end(), exif->begin()))
      exif = exif->subspan(signature.size());
    metadata->exif.assign(exif->begin(), exif->end());
  }
  if (file.animated()) metadata->loops = static_cast<int>(file.number(WEBP_FF_LOOP_COUNT));
  return metadata;
}

/// Of which the decoders below deliver the samples.
StoredPicture describe(const Container& file, bool opaque) {
  StoredPicture picture;
  picture.width = static_cast<int>(file.number(WEBP_FF_CANVAS_WIDTH));
  picture.height = static_cast<int>(file.number(WEBP_FF_CANVAS_HEIGHT));
  picture.channels = opaque ? 3 : 4;
  picture.alpha = opaque ? Alpha::none : Alpha::straight;
  picture.metadata = read_metadata(file, picture.remarks);
  return picture;
}

uint64_t pixels_of(const StoredPicture& picture) {
  return static_cast<uint64_t>(picture.width) * static_cast<uint64_t>(picture.height);
}

class StillDecoder final : public Decoder {
 public:
  explicit StillDecoder(Container container) : file_(std::move(container)), frame_(file_.demuxer.get(), 1) {
    if (!frame_.found()) throw file_.damaged();
    picture_ = describe(file_, frame_->has_alpha == 0);
    WebPBitstreamFeatures features{};
    if (WebPGetFeatures(frame_->fragment.bytes, frame_->fragment.size, &features) != VP8_STATUS_OK ||
        features.width != picture_.width || features.height != picture_.height)
      throw file_.damaged();
    // The library holds all pixels of a lossless picture, and of alpha beside a lossy one.
    const int lossless = 2;
    own_bytes_ = features.format == lossless ? 4 : picture_.channels == 4 ? 2 : 0;
  }

  const StoredPicture& picture() const override { return picture_; }

  uint64_t memory() const override {
    const auto bytes = static_cast<uint64_t>(picture_.channels + own_bytes_);
    return file_.bytes.size() + bytes * pixels_of(picture_);
  }

  void read(int count, std::byte* rows) override {
    if (!samples_) decode();
    const size_t row = picture_.row_bytes();
    std::memcpy(rows, samples_.get() + row * static_cast<size_t>(next_row_),
                row * static_cast<size_t>(count));
    next_row_ += count;
  }

 private:
  void decode() {
    const size_t row = picture_.row_bytes(), size = row * static_cast<size_t>(picture_.height);
    auto samples = std::make_unique_for_overwrite<uint8_t[]>(size);
    WebPDecoderConfig config;
    if (WebPInitDecoderConfig(&config) == 0)
      throw Error(ErrorKind::internal, file_.name, "libwebp is of another version");
    config.output.colorspace = picture_.channels == 4 ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA = {samples.get(), static_cast<int>(row), size};
    const VP8StatusCode status = WebPDecode(frame_->fragment.bytes, frame_->fragment.size, &config);
    WebPFreeDecBuffer(&config.output);
    if (status == VP8_STATUS_OUT_OF_MEMORY) throw std::bad_alloc();
    if (status != VP8_STATUS_OK) throw file_.damaged();
    samples_ = std::move(samples);
  }

  Container file_;
  Frame frame_;
  StoredPicture picture_;
  int own_bytes_ = 0;  ///< a pixel, that the library holds
  std::unique_ptr<uint8_t[]> samples_;
  int next_row_ = 0;
};

/// Durations of the frames, and whether the canvas is opaque at each.
struct Course {
  std::vector<int> milliseconds;
  bool opaque = true;

  explicit Course(const Container& file) {
    const auto count = static_cast<int>(file.number(WEBP_FF_FRAME_COUNT));
    bool covered = false;  // the canvas before the frame; it begins transparent
    for (int number = 1; number <= count; ++number) {
      const Frame frame(file.demuxer.get(), number);
      if (!frame.found()) throw file.damaged();
      const bool fills = frame->width == file.number(WEBP_FF_CANVAS_WIDTH) &&
                         frame->height == file.number(WEBP_FF_CANVAS_HEIGHT);
      const bool solid = frame->has_alpha == 0;
      covered = (solid && fills) || (covered && (solid || frame->blend_method == WEBP_MUX_BLEND));
      opaque = opaque && covered;
      covered = covered && frame->dispose_method == WEBP_MUX_DISPOSE_NONE;
      milliseconds.push_back(frame->duration);
    }
  }
};

class AnimationDecoder final : public Decoder {
 public:
  explicit AnimationDecoder(Container container) : file_(std::move(container)), course_(file_) {
    picture_ = describe(file_, course_.opaque);
    picture_.seconds = course_.milliseconds[0] / 1000.0;
  }

  const StoredPicture& picture() const override { return picture_; }
  int pictures() const override { return static_cast<int>(course_.milliseconds.size()); }

  uint64_t memory() const override {
    // Two canvases, and a lossless frame while it is decoded.
    return file_.bytes.size() + 3 * 4 * pixels_of(picture_);
  }

  void next() override {
    ++index_;
    next_row_ = 0;
    picture_.seconds = course_.milliseconds[static_cast<size_t>(index_)] / 1000.0;
  }

  void read(int count, std::byte* rows) override {
    while (composed_ <= index_) compose();
    const auto width = static_cast<size_t>(picture_.width);
    const uint8_t* from = canvas_ + 4 * width * static_cast<size_t>(next_row_);
    const size_t pixels = width * static_cast<size_t>(count);
    auto* to = reinterpret_cast<uint8_t*>(rows);
    next_row_ += count;
    if (picture_.channels == 4) {
      std::memcpy(to, from, 4 * pixels);
      return;
    }
    for (size_t i = 0; i < pixels; ++i, from += 4) to = std::copy_n(from, 3, to);
  }

 private:
  void compose() {
    if (!decoder_) start();
    int milliseconds = 0;
    if (WebPAnimDecoderGetNext(decoder_.get(), &canvas_, &milliseconds) == 0) throw file_.damaged();
    ++composed_;
  }

  void start() {
    WebPAnimDecoderOptions options;
    if (WebPAnimDecoderOptionsInit(&options) == 0)
      throw Error(ErrorKind::internal, file_.name, "libwebp is of another version");
    options.color_mode = MODE_RGBA;
    const WebPData data{file_.bytes.data(), file_.bytes.size()};
    decoder_.reset(WebPAnimDecoderNew(&data, &options));
    if (!decoder_) throw std::bad_alloc();  // the file itself has been looked through
  }

  Container file_;
  Course course_;
  StoredPicture picture_;
  std::unique_ptr<WebPAnimDecoder, Delete> decoder_;
  uint8_t* canvas_ = nullptr;  ///< of the decoder; RGBA
  int index_ = 0;
  int composed_ = 0;  ///< frames
  int next_row_ = 0;
};

}  // namespace

bool looks_like_webp(std::span<const uint8_t> head) {
  return head.size() >= riff_header && std::memcmp(head.data(), "RIFF", 4) == 0 &&
         std::memcmp(head.data() + 8, "WEBP", 4) == 0;
}

std::unique_ptr<Decoder> open_webp(std::shared_ptr<const ByteSource> source) {
  const std::shared_ptr<const ByteSource> read_once = std::move(source);  // and not kept
  Container file(*read_once);
  if (file.animated()) return std::make_unique<AnimationDecoder>(std::move(file));
  return std::make_unique<StillDecoder>(std::move(file));
}

}  // namespace esrgan
