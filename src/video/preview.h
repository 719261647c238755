// A picture of some frames, before and after.
#pragma once

#include <esrgan/video.h>

#include <string>

#include "video/frame_network.h"
#include "video/source.h"

namespace esrgan::video {

/// Writes `picture`: one row for each of `count` frames, spread evenly over the film; on the left its middle
/// enlarged by Lanczos, on the right by the network.
void make_preview(const FrameSource& source, FrameNetwork& network, const std::string& picture, int count,
                  const VideoEvents& events);

}  // namespace esrgan::video
