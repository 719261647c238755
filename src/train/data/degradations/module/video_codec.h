// What the module esrgan-video-codec offers: pictures coded as a film's frames and decoded again, and films
// decoded.
#pragma once

#include <cstdint>

namespace esrgan::train {

struct VideoCodecModule {
  const char* version;
  /// Codes `count` frames, one behind the other, of `width` x `height` pixels RGB, 8 bits each, by FFmpeg's
  /// encoder `name` with its option `option` (crf, or q for a constant quantiser), and puts what is decoded
  /// in their place. Null, or what went wrong.
  const char* (*code)(uint8_t* pixels, int count, int width, int height, const char* name, const char* option,
                      double value);
  /// Decodes a film: `take` is given each frame in the same form, in order, and ends it by false. Null, or
  /// what went wrong.
  const char* (*decode)(const char* file,
                        bool (*take)(void* user, const uint8_t* pixels, int width, int height), void* user);
};

constexpr const char* video_codec_entry = "esrgan_video_codec_module";

}  // namespace esrgan::train
