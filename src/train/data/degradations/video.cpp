// What films' codecs do to a picture.
#include <esrgan/error.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/module.h"
#include "train/data/degradations/codecs.h"
#include "train/data/degradations/module/video_codec.h"
#include "train/data/degradations/operations.h"

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

const VideoCodecModule& module() {
  static std::string problem;
  static const auto* found =
      static_cast<const VideoCodecModule*>(find_module("video-codec", video_codec_entry, problem));
  if (found == nullptr)
    throw Error(ErrorKind::unsupported, "", "degradation by a film's codec: " + problem,
                "a build with FFmpeg's libraries", "");
  return *found;
}

class VideoCodec : public Degradation {
 public:
  VideoCodec(std::vector<const FilmCodec*> kinds, const Range& crf, const Range& quantiser)
      : kinds_(std::move(kinds)), crf_(crf), quantiser_(quantiser) {}

  void apply(FloatImage& picture, const DegradationGoal& /*goal*/, Random& random) const override {
    const FilmCodec& codec = *kinds_[random.below(kinds_.size())];
    const Range& range = std::string_view(codec.option) == "q" ? quantiser_ : crf_;
    std::vector<uint8_t> bytes = bytes_of(picture.pixels);
    const char* problem = module().code(bytes.data(), picture.width, picture.height, codec.encoder,
                                        codec.option, std::round(range.draw(random)));
    if (problem != nullptr)
      throw Error(ErrorKind::unsupported, "", std::string("degradation by ") + codec.name + ": " + problem);
    take_bytes(bytes.data(), picture.pixels);
  }

 private:
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
