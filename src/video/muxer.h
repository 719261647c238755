// The finished film: the segments' video and everything else of the film that it came from.
#pragma once

#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <vector>

#include "video/media.h"
#include "video/segment_file.h"

namespace esrgan::video {

struct MuxRequest {
  std::string output;
  std::string others;             ///< the film whose other streams are copied, or empty
  bool skip_unsupported = false;  ///< leave out streams that the container cannot hold, instead of refusing
  bool keep_rotation = false;     ///< the display matrix goes along
  AVRational time_base{0, 1};     ///< of the three times that follow
  int64_t origin = 0;             ///< becomes time 0
  int64_t begin = INT64_MIN, end = INT64_MAX;  ///< of the part that is taken, before that
  int64_t last_duration = 0;                   ///< of the last frame
};

nlohmann::json to_json(const MuxRequest& request);
MuxRequest mux_request_from_json(const nlohmann::json& json);

/// Throws Error naming the first of the film's other streams, or the encoder, that the output cannot hold;
/// returns remarks on what is left out.
std::vector<std::string> check_container(const MuxRequest& request, const StreamDescription& video);

/// Makes the file; it appears whole or not at all. Throws Error.
SegmentCounts mux(const MuxRequest& request, const std::vector<std::string>& segments,
                  const std::stop_token& stop);

}  // namespace esrgan::video
