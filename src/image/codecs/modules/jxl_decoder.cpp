// Reading the pixels of JPEG XL.
#include <algorithm>
#include <cstring>

#include "image/codecs/modules/jxl.h"
#include "image/codecs/modules/module.h"

namespace esrgan::jxl_module {
namespace {

class PixelDecoder : public Decoder {
 public:
  explicit PixelDecoder(std::shared_ptr<const ByteSource> source)
      : source_(std::move(source)),
        survey_(survey(*source_)),
        session_(*source_, JXL_DEC_BASIC_INFO | JXL_DEC_FRAME | JXL_DEC_FULL_IMAGE),
        runner_(JxlResizableParallelRunnerCreate(nullptr)) {
    if (!runner_) throw std::bad_alloc();
    const auto& picture = survey_.picture;
    JxlResizableParallelRunnerSetThreads(
        runner_.get(), JxlResizableParallelRunnerSuggestThreads(static_cast<uint64_t>(picture.width),
                                                                static_cast<uint64_t>(picture.height)));
    session_.check(JxlDecoderSetParallelRunner(session_.get(), JxlResizableParallelRunner, runner_.get()),
                   "decoder cannot be set up");
    expect(JXL_DEC_BASIC_INFO);
    session_.check(JxlDecoderGetBasicInfo(session_.get(), &info_), "header cannot be read");
    begin_frame();
  }

  const StoredPicture& picture() const override { return survey_.picture; }

  /// The rows come in any order, so the picture is held, and the library has a number of 4 bytes for each
  /// sample of each channel, those that are not delivered included: with more channels than colours three
  /// times, or else at most twice, and once more for frames that are made of others.
  uint64_t memory() const override {
    const auto& picture = survey_.picture;
    const uint64_t pixels = static_cast<uint64_t>(picture.width) * static_cast<uint64_t>(picture.height);
    const auto channels = static_cast<uint64_t>(std::max(picture.channels, 3) + survey_.further_channels);
    const bool more = picture.alpha != Alpha::none || survey_.further_channels > 0;
    const uint64_t copies = (more ? 3U : 2U) + (survey_.frames > 1 ? 1U : 0U);
    constexpr uint64_t number = 4;
    const uint64_t floats = survey_.colours ? pixels * static_cast<uint64_t>(picture.channels) * number : 0;
    return bytes_of_picture(picture) + floats + pixels * channels * number * copies;
  }

  void read(int count, std::byte* rows) override {
    if (samples_.empty()) decode();
    const size_t row = survey_.picture.row_bytes(), bytes = row * static_cast<size_t>(std::max(count, 0));
    std::memcpy(rows, samples_.data() + static_cast<size_t>(row_) * row, bytes);
    row_ += count;
    if (row_ == survey_.picture.height) std::vector<std::byte>().swap(samples_);
  }

  int pictures() const override { return survey_.frames; }

  void next() override {
    if (!decoded_) decode();  // later frames may be made of this one
    std::vector<std::byte>().swap(samples_);
    begin_frame();
  }

 private:
  void expect(JxlDecoderStatus event) {
    if (session_.step() != event)
      throw Error(ErrorKind::bad_data, source_->name(), "JPEG XL file has fewer frames than it seemed");
  }

  void begin_frame() {
    expect(JXL_DEC_FRAME);
    survey_.picture.seconds = seconds_of(session_, info_);
    row_ = 0;
    decoded_ = false;
  }

  void decode() {
    size_t size = 0;
    expect(JXL_DEC_NEED_IMAGE_OUT_BUFFER);
    session_.check(JxlDecoderImageOutBufferSize(session_.get(), &survey_.format, &size),
                   "picture has no size");
    const uint64_t expected =
        survey_.colours ? samples_of_picture() * sizeof(float) : bytes_of_picture(survey_.picture);
    if (size != expected) {
      throw Error(ErrorKind::bad_data, source_->name(), "JPEG XL picture has an unexpected size",
                  std::to_string(expected) + " bytes", std::to_string(size));
    }
    samples_.resize(size);
    session_.check(JxlDecoderSetImageOutBuffer(session_.get(), &survey_.format, samples_.data(), size),
                   "picture cannot be read");
    expect(JXL_DEC_FULL_IMAGE);
    decoded_ = true;
    if (survey_.exact_bits != 0) make_exact();
    if (survey_.colours) bring_to_original_colours();
  }

  uint64_t samples_of_picture() const {
    const auto& picture = survey_.picture;
    return static_cast<uint64_t>(picture.width) * static_cast<uint64_t>(picture.height) *
           static_cast<uint64_t>(picture.channels);
  }

  /// From floats to samples, which are no longer.
  void bring_to_original_colours() {
    const auto& picture = survey_.picture;
    const auto width = static_cast<size_t>(picture.width);
    std::vector<float> row(width * static_cast<size_t>(picture.channels));
    for (size_t y = 0; y < static_cast<size_t>(picture.height); ++y) {
      std::memcpy(row.data(), samples_.data() + y * row.size() * sizeof(float), row.size() * sizeof(float));
      survey_.colours->convert(row.data(), width, picture.type, samples_.data() + y * picture.row_bytes());
    }
    samples_.resize(static_cast<size_t>(bytes_of_picture(picture)));
  }

  /// The library brings N bits to 16 with 24-bit floats, which now and then is one off.
  void make_exact() {
    const uint32_t most = (1U << static_cast<unsigned>(survey_.exact_bits)) - 1;
    constexpr uint32_t full = 65535;
    for (size_t at = 0; at + 2 <= samples_.size(); at += 2) {
      uint16_t sample = 0;
      std::memcpy(&sample, samples_.data() + at, sizeof sample);
      sample = static_cast<uint16_t>(rescale(rescale(sample, full, most), most, full));
      std::memcpy(samples_.data() + at, &sample, sizeof sample);
    }
  }

  std::shared_ptr<const ByteSource> source_;
  Survey survey_;
  std::vector<std::byte> samples_;  ///< of the whole frame, from the first read() to the last
  Session session_;
  Runner runner_;
  JxlBasicInfo info_{};
  int row_ = 0;
  bool decoded_ = false;
};

}  // namespace

std::unique_ptr<Decoder> open(std::shared_ptr<const ByteSource> source) {
  return std::make_unique<PixelDecoder>(std::move(source));
}

}  // namespace esrgan::jxl_module
