// Animated WebP, which FFmpeg does not decode: by libwebp, as pictures are read.
#include <esrgan/error.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/file.h"
#include "base/platform_memory.h"
#include "image/reader.h"
#include "video/animation.h"
#include "video/picture_frames.h"
#include "video/pixel_formats.h"
#include "video/source.h"

namespace esrgan::video {
namespace {

constexpr AVRational milliseconds{1, 1000};

uint32_t little_endian(std::span<const uint8_t> bytes) {
  uint32_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8U | bytes[i];
  return value;
}

/// How long each frame is shown: from the chunks ANMF of the file (WebP Container Specification).
std::vector<int64_t> read_durations(const InputFile& file) {
  constexpr uint64_t header = 12, chunk_header = 8, before_duration = 12;
  std::vector<int64_t> durations;
  std::array<uint8_t, chunk_header + before_duration + 3> chunk{};
  for (uint64_t at = header; file.read_at(at, chunk) >= chunk_header;) {
    const std::span<const uint8_t> bytes(chunk);
    const uint32_t size = little_endian(bytes.subspan(4, 4));
    if (std::equal(chunk.begin(), chunk.begin() + 4, "ANMF"))
      durations.push_back(
          std::max<int64_t>(1, little_endian(bytes.subspan(chunk_header + before_duration, 3))));
    at += chunk_header + size + size % 2;
  }
  return durations;
}

class WebpInput : public PictureFrames {
 public:
  WebpInput(const std::string& path, const std::vector<int64_t>& times, const Plan& plan, FrameChoice choice)
      : PictureFrames(times, plan, std::move(choice)), file_(path) {}

 protected:
  bool read(size_t /*number*/, PixelsPool& pool, FrameItem& item) override {
    const auto source = next();
    if (!source) return false;
    const ImageInfo& info = source->info();
    item.source = frame_like(info);
    const size_t samples = info.row_samples() * static_cast<size_t>(info.height);
    Pixels pixels = pool.take(samples);
    pixels.resize(samples);
    source->read(0, info.height, pixels.data());
    item.parts.push_back(std::move(pixels));
    return true;
  }
  /// Frames build upon each other: all are decoded.
  void pass_over(size_t /*number*/) override { next(); }

 private:
  std::unique_ptr<RowSource> next() {
    return file_.next(true, HiddenColours::bled, available_memory() / 4).source;
  }

  PictureReader file_;
};

class WebpSource : public FrameSource {
 public:
  WebpSource(std::string path, const VideoOptions& options, const FrameWork& work) : path_(std::move(path)) {
    std::vector<int64_t> durations = read_durations(InputFile(path_));
    if (durations.empty()) throw Error(ErrorKind::bad_data, path_, "holds no animation");
    int64_t time = 0;
    for (const int64_t duration : durations) {
      times_.push_back(time);
      time += duration;
    }
    PictureReader file(path_);
    const ImageInfo info = file.next(true, HiddenColours::bled, available_memory() / 4).source->info();
    facts_.width = info.width;
    facts_.height = info.height;
    facts_.format = picture_format(info.channels, false);
    facts_.colour = {AVCOL_SPC_RGB, AVCOL_RANGE_JPEG, AVCOL_PRI_BT709, AVCOL_TRC_IEC61966_2_1,
                     AVCHROMA_LOC_LEFT};
    facts_.from_pictures = true;
    facts_.time_base = milliseconds;
    std::nth_element(durations.begin(), durations.begin() + static_cast<ptrdiff_t>(durations.size() / 2),
                     durations.end());
    facts_.frame_rate = av_make_q(1000, static_cast<int>(durations[durations.size() / 2]));
    PlanRequest request;
    request.start = options.start;
    request.duration = options.duration;
    request.segment_frames =
        choose_segment_frames(options, work(info.width, info.height, stored_type(facts_.format)));
    facts_.plan = plan_pictures(times_, milliseconds, request);
    MuxRequest& others = facts_.others;
    others.time_base = milliseconds;
    others.last_duration = time - times_.back();
    others.origin = facts_.plan.origin;
    others.plays = plays_of(path_);
    if (!options.others_from.empty()) others.others = {options.others_from};
  }

  nlohmann::json identity() const override { return file_identity(path_); }
  std::unique_ptr<FrameInput> frames(FrameChoice choice) const override {
    return std::make_unique<WebpInput>(path_, times_, facts_.plan, std::move(choice));
  }

 private:
  std::string path_;
  std::vector<int64_t> times_;
};

}  // namespace

bool is_animated_webp(const std::string& path) {
  std::array<uint8_t, 64> head{};
  const InputFile file(path);
  if (file.read_at(0, head) < head.size()) return false;
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  return text.starts_with("RIFF") && text.substr(8, 4) == "WEBP" &&
         text.find("ANIM") != std::string_view::npos;
}

std::unique_ptr<FrameSource> open_animated_webp(const std::string& path, const VideoOptions& options,
                                                const FrameWork& work) {
  return std::make_unique<WebpSource>(path, options, work);
}

}  // namespace esrgan::video
