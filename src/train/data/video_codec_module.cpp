#include "train/data/video_codec_module.h"

#include <esrgan/error.h>

#include <string>

#include "base/module.h"

namespace esrgan::train {

const VideoCodecModule& video_codec_module() {
  static std::string problem;
  static const auto* found =
      static_cast<const VideoCodecModule*>(find_module("video-codec", video_codec_entry, problem));
  if (found == nullptr)
    throw Error(ErrorKind::unsupported, "", "films in training: " + problem,
                "a build with FFmpeg's libraries", "");
  return *found;
}

}  // namespace esrgan::train
