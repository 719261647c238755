// What kinds of files hold, beside the video.
#pragma once

#include <string>

#include "video/ffmpeg.h"

namespace esrgan::video {

/// Whether a file of this name keeps what a film says of its rotation.
bool keeps_rotation(const std::string& output);

/// The container's format. Throws Error when the name tells none that can be written.
const AVOutputFormat& container_of(const std::string& output);

bool is_matroska(const AVOutputFormat& container);
/// MP4 and its relatives.
bool is_quicktime(const AVOutputFormat& container);
/// Whether it counts an Opus stream's times from before the samples that a decoder drops.
bool holds_opus_delay(const AVOutputFormat& container);

/// Whether a stream is a cover picture.
bool is_cover(const AVStream& stream);

/// "stream 2 (flac audio, eng)".
std::string kind_of(const AVStream& stream);

/// What becomes of one of a film's other streams.
enum class Fate { copied, attached, left_out, impossible };
Fate fate_of(const AVStream& stream, const AVOutputFormat& container);

}  // namespace esrgan::video
