// Encoders, by FFmpeg's names.
#pragma once

#include <esrgan/video.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "video/colour.h"

extern "C" {
#include <libavutil/mastering_display_metadata.h>
}

namespace esrgan::video {

/// What a film says of the display it was graded on (SMPTE ST 2086) and of its brightest pixels (CTA-861.3).
struct HighDynamicRange {
  std::optional<AVMasteringDisplayMetadata> mastering;
  std::optional<AVContentLightMetadata> light;
};

/// Of a frame or, where that has none, of its stream (which may be null).
HighDynamicRange high_dynamic_range(const AVFrame* frame, const AVStream* stream);

struct EncoderSettings {
  std::string name;
  AVPixelFormat format = AV_PIX_FMT_NONE;
  int width = 0, height = 0;
  AVRational time_base{1, 25}, frame_rate{25, 1}, sample_aspect{0, 1};
  Colour colour;
  bool interlaced = false, top_field_first = false;
  HighDynamicRange hdr;
  bool global_header =
      false;             ///< what decoders need first is kept beside the packets, as most containers want
  bool reorders = true;  ///< the container keeps the times of frames that are stored out of order
  Dither dither = Dither::none;
  double crf = -1;
  bool patient = false;  ///< a network takes so long that an encoder's time does not matter
  std::vector<std::pair<std::string, std::string>> options;
};

/// Throws Error that lists what there is when FFmpeg here has no such video encoder.
const AVCodec& find_encoder(const std::string& name);

/// A container's usual encoder for frames of this format.
std::string default_encoder(const std::string& file, AVPixelFormat wanted);

/// The encoder's format that is nearest to `wanted`; or the one asked for by name, if it can be had.
AVPixelFormat encoder_format(const AVCodec& encoder, AVPixelFormat wanted, const std::string& asked);

class Encoder {
 public:
  /// Opens it. Throws Error naming the option or the size that it refuses.
  explicit Encoder(const EncoderSettings& settings);
  ~Encoder();
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
  Encoder(Encoder&&) = delete;
  Encoder& operator=(Encoder&&) = delete;

  using Take = std::function<void(const AVPacket&)>;
  /// Frames in order of time, of the format and size of the settings; null at the end.
  void send(const AVFrame* frame, const Take& take);

  /// Of the stream that it makes.
  ParametersPtr parameters() const;

 private:
  FramePtr counted(const AVFrame& frame);

  std::string name_;
  AVRational time_base_{1, 25};  // of frames and packets
  CodecPtr codec_;
  std::map<int64_t, int64_t> counted_;  // times by numbers of frames, where the codec knows frame rates alone
  int64_t number_ = 0;
  bool begun_ = false, ended_ = false;
};

}  // namespace esrgan::video
