// Times that are computed for a whole film, since encoders know a segment only.
#pragma once

#include <cstdint>
#include <vector>

namespace esrgan::video {

/// Decoding times for packets in the order of the file, whose presentation times are `shown`: they grow, and
/// none is later than its packet is shown. `tick`: the distance of frames where there is only one.
std::vector<int64_t> decoding_times(const std::vector<int64_t>& shown, int64_t tick);

/// How long each is shown: until the next, and the last one for `last`.
std::vector<int64_t> durations(const std::vector<int64_t>& shown, int64_t last);

}  // namespace esrgan::video
