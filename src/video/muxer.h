// The finished film: the segments' video and everything else of the film that it came from.
#pragma once

#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "video/media.h"
#include "video/segment_file.h"

namespace esrgan::video {

struct MuxRequest {
  std::string output;
  FilmFile others;                ///< the film whose other streams go along; without a path, none
  bool skip_unsupported = false;  ///< leave out streams that the container cannot hold, instead of refusing
  bool keep_rotation = false;     ///< the display matrix goes along
  std::string audio_encoder;      ///< for all sound; empty copies it
  std::vector<std::pair<std::string, std::string>> options;  ///< of FFmpeg's muxer
  int64_t probe = 0;           ///< bytes of the film to look through for streams that turn up late
  int plays = 0;               ///< of an animation; 0 for ever
  AVRational time_base{0, 1};  ///< of the times that follow
  double passed_over = 0;      ///< seconds of the film before the part that need not be read
  int64_t origin = 0;          ///< becomes time 0
  int64_t begin = INT64_MIN, end = INT64_MAX;  ///< of the part that is taken, before that
  int64_t last_duration = 0;                   ///< of the last frame
};

nlohmann::json to_json(const MuxRequest& request);
MuxRequest mux_request_from_json(const nlohmann::json& json);

/// Throws Error naming the first of the film's other streams, or the encoder, that the output cannot hold;
/// returns remarks on what is left out or changed.
std::vector<std::string> check_container(const MuxRequest& request, const StreamDescription& video);

/// Makes the file; it appears whole or not at all. Throws Error.
SegmentCounts mux(const MuxRequest& request, const std::vector<std::string>& segments,
                  const std::stop_token& stop);

}  // namespace esrgan::video
