// Where films go from one shot to another.
#pragma once

#include <vector>

namespace esrgan {

/// Whether the second of two frames (of one size, channels interleaved, 1 to 4 as in ImageInfo) looks like
/// the first of another shot: most of it has changed, and so have its tones. It depends on these two alone.
bool looks_like_cut(const std::vector<float>& before, const std::vector<float>& after, int channels);

}  // namespace esrgan
