// What the module esrgan-video-codec offers: a picture coded as a film's frame and decoded again.
#pragma once

#include <cstdint>

namespace esrgan::train {

struct VideoCodecModule {
  const char* version;
  /// Codes `width` x `height` pixels RGB, 8 bits each, by FFmpeg's encoder `name` with its option `option`
  /// (crf, or q for a constant quantiser), and puts what is decoded in their place. Null, or what went wrong.
  const char* (*code)(uint8_t* pixels, int width, int height, const char* name, const char* option,
                      double value);
};

constexpr const char* video_codec_entry = "esrgan_video_codec_module";

}  // namespace esrgan::train
