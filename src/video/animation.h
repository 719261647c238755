// Films without sound that are pictures to other programs: GIF, APNG, WebP.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "video/muxer.h"

namespace esrgan::video {

/// Whether files of this kind hold an animation: their frames depend on all the others, by a common palette
/// or by what stays from frame to frame, so that segments of them could not be put together.
bool is_animation(const AVOutputFormat& container);

/// The encoder of an animation's segments, which lose nothing.
constexpr const char* animation_segments = "ffv1";

/// How often a GIF, APNG or WebP is to be shown; 0 for ever, as all else.
int plays_of(const std::string& path);

/// Makes the file of segments by animation_segments; it appears whole or not at all. Throws Error.
SegmentCounts write_animation(const MuxRequest& request, const std::vector<std::string>& segments,
                              const std::stop_token& stop);

}  // namespace esrgan::video
