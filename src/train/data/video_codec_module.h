// FFmpeg for training: frames through codecs, and films as clips.
#pragma once

#include "train/data/degradations/module/video_codec.h"

namespace esrgan::train {

/// The module, which is loaded when it is needed. Throws Error where there is none.
const VideoCodecModule& video_codec_module();

}  // namespace esrgan::train
