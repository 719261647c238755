// What kinds of files hold, beside the video.
#pragma once

#include <string>

#include "video/ffmpeg.h"

namespace esrgan::video {

/// Whether a file of this name keeps what a film says of its rotation.
bool keeps_rotation(const std::string& output);
/// Whether a file of this name keeps the time at which a clock begins: broadcast streams do.
bool keeps_start(const std::string& output);

/// The container's format. Throws Error when the name tells none that can be written.
const AVOutputFormat& container_of(const std::string& output);

/// Whether it is the video's packets alone, without times: ".hevc", ".m2v".
bool is_raw(const AVOutputFormat& container);
bool is_matroska(const AVOutputFormat& container);
/// MP4 and its relatives.
bool is_quicktime(const AVOutputFormat& container);
/// Whether it counts an Opus stream's times from before the samples that a decoder drops.
bool holds_opus_delay(const AVOutputFormat& container);

/// Whether a stream is a cover picture.
bool is_cover(const AVStream& stream);
/// Whether subtitles are pictures, which have a size of their own.
bool is_drawn(const AVStream& stream);

/// "stream 2 (flac audio, eng)".
std::string kind_of(const AVStream& stream);

/// What becomes of one of a film's other streams.
enum class Fate {
  copied,
  converted,  ///< text, to the container's kind of text
  encoded,    ///< sound, by the encoder that was asked for
  attached,   ///< a cover, as a file
  rewritten,  ///< time codes and chapters, which the container makes anew of what is known
  left_out,   ///< nothing that the container has a place for
  impossible  ///< the container cannot hold it
};
/// encode_sound: whether an encoder was asked for.
Fate fate_of(const AVStream& stream, const AVOutputFormat& container, bool encode_sound);

/// The kind of text that a container holds; AV_CODEC_ID_NONE when it holds none.
AVCodecID text_codec_of(const AVOutputFormat& container);
/// An encoder for the sound that a container usually holds, by name; empty when FFmpeg here has none.
std::string usual_audio_encoder(const AVOutputFormat& container);

}  // namespace esrgan::video
