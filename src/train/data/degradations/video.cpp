// What films' codecs do to a picture.
#include <esrgan/error.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "train/data/degradations/codecs.h"
#include "train/data/degradations/operations.h"
#include "train/data/video_codec_module.h"

namespace esrgan::train {
namespace {

struct FilmCodec {
  const char* name;     ///< in recipes
  const char* encoder;  ///< FFmpeg's
  const char* option;   ///< of its quality
};

constexpr FilmCodec codecs[] = {{"h264", "libx264", "crf"},
                                {"hevc", "libx265", "crf"},
                                {"mpeg4", "mpeg4", "q"},
                                {"mpeg2", "mpeg2video", "q"}};

class VideoCodec : public Degradation {
 public:
  VideoCodec(std::vector<const FilmCodec*> kinds, const Range& crf, const Range& quantiser)
      : kinds_(std::move(kinds)), crf_(crf), quantiser_(quantiser) {}

  void apply(FloatImage& picture, const DegradationGoal& /*goal*/, Random& random) const override {
    code({&picture, 1}, random);
  }
  void apply_to_clip(std::vector<FloatImage>& frames, const DegradationGoal& /*goal*/,
                     Random& random) const override {
    code(frames, random);
  }

 private:
  void code(std::span<FloatImage> frames, Random& random) const {
    const FilmCodec& codec = *kinds_[random.below(kinds_.size())];
    const Range& range = std::string_view(codec.option) == "q" ? quantiser_ : crf_;
    std::vector<uint8_t> bytes;
    for (const FloatImage& frame : frames) {
      const std::vector<uint8_t> more = bytes_of(frame.pixels);
      bytes.insert(bytes.end(), more.begin(), more.end());
    }
    const FloatImage& first = frames.front();
    const char* problem =
        video_codec_module().code(bytes.data(), static_cast<int>(frames.size()), first.width, first.height,
                                  codec.encoder, codec.option, std::round(range.draw(random)));
    if (problem != nullptr)
      throw Error(ErrorKind::unsupported, "", std::string("degradation by ") + codec.name + ": " + problem);
    for (size_t i = 0; i < frames.size(); ++i)
      take_bytes(bytes.data() + i * frames[i].pixels.size(), frames[i].pixels);
  }

  std::vector<const FilmCodec*> kinds_;
  Range crf_, quantiser_;
};

}  // namespace

Operation read_video(Settings& settings) {
  std::vector<std::string> words;
  for (const FilmCodec& codec : codecs) words.emplace_back(codec.name);
  std::vector<const FilmCodec*> kinds;
  for (const std::string& word : settings.get("codecs", std::vector<std::string>{"h264", "mpeg4", "mpeg2"})) {
    const auto* found = std::find_if(std::begin(codecs), std::end(codecs),
                                     [&](const FilmCodec& c) { return word == c.name; });
    if (found == std::end(codecs)) settings.refuse_word("codecs", words);
    kinds.push_back(found);
  }
  if (kinds.empty()) settings.refuse_word("codecs", words);
  const Range crf = read_range(settings, "crf_range", {20, 38}, 0, 51),
              quantiser = read_range(settings, "q_range", {2, 16}, 1, 31);
  return std::make_unique<VideoCodec>(std::move(kinds), crf, quantiser);
}

}  // namespace esrgan::train
