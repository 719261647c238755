// What goes along with a film's video: sound, subtitles and so on, packet by packet, as the output takes
// them.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "video/muxer.h"
#include "video/stream_conversion.h"

namespace esrgan::video {

/// A packet for a stream of the output, with times in units of `base` from the output's beginning.
struct OtherPacket {
  PacketPtr packet;
  int stream = 0;
  AVRational base{0, 1};
};

class OtherStreams {
 public:
  /// Opens the film. `request` must outlive this.
  explicit OtherStreams(const MuxRequest& request);

  const AVFormatContext& format() const { return *media_.format; }
  const AVStream* video() const { return media_.video; }

  /// The output's stream for one of the film's; packets of streams without one are passed over. With a
  /// converter, its packets go there.
  void route(const AVStream& from, int to, std::unique_ptr<PacketConverter> converter = nullptr);
  /// The next packet of the part that is taken; nothing behind the last.
  std::optional<OtherPacket> next(const AVOutputFormat& container);

  /// A limit of the request in other units.
  int64_t limit(int64_t time, AVRational base) const;

 private:
  struct Route {
    int stream = -1;
    std::unique_ptr<PacketConverter> converter;
  };

  bool cut(AVPacket& packet, const AVStream& stream) const;
  void hand_over(PacketPtr packet, const AVStream& stream, const AVOutputFormat& container);
  void finish();

  const MuxRequest& request_;
  Media media_;
  FilmClock clock_;
  std::vector<Route> routes_;  // by the film's streams
  std::deque<OtherPacket> ready_;
  bool ended_ = false;
};

}  // namespace esrgan::video
