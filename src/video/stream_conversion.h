// Packets of one codec to packets of another, for streams that a container cannot hold as they are.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "video/ffmpeg.h"

namespace esrgan::video {

class PacketConverter {
 public:
  PacketConverter() = default;
  PacketConverter(const PacketConverter&) = delete;
  PacketConverter& operator=(const PacketConverter&) = delete;
  PacketConverter(PacketConverter&&) = delete;
  PacketConverter& operator=(PacketConverter&&) = delete;
  virtual ~PacketConverter() = default;

  /// What the packets are that come out, and the unit of their times.
  virtual ParametersPtr parameters() const = 0;
  virtual AVRational time_base() const = 0;

  using Take = std::function<void(PacketPtr)>;
  /// A packet, with times in the unit of the stream; null at the end. What cannot be decoded is left out.
  virtual void send(const AVPacket* packet, const Take& take) = 0;
};

/// Subtitles that are text, as another kind of text. Throws Error when FFmpeg here cannot.
std::unique_ptr<PacketConverter> convert_text(const AVStream& from, AVCodecID to);

/// Sound by FFmpeg's encoder of this name. Throws Error when there is none, or it does not take such sound.
std::unique_ptr<PacketConverter> encode_sound(const AVStream& from, const std::string& encoder,
                                              bool global_header);

}  // namespace esrgan::video
