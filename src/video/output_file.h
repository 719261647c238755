// A file that a muxer of FFmpeg writes.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "video/ffmpeg.h"

namespace esrgan::video {

/// Opens `file`; `output` is what Errors call it. What is written does not depend on when or where it is.
FormatPtr open_output(const AVOutputFormat& container, const std::string& file, const std::string& output);

/// Once all streams are there. `usual`: options of the muxer, taken over; `given`: the user's, which go over
/// those. Throws Error naming one that the muxer does not know.
void write_header(AVFormatContext& format, AVDictionary* usual,
                  const std::vector<std::pair<std::string, std::string>>& given, const std::string& output);

/// Writes what is left and closes the file.
void finish_output(AVFormatContext& format, const std::string& output);

}  // namespace esrgan::video
