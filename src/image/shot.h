// Where films go from one shot to another.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace esrgan {

/// Whether the second of two frames (of one size, channels interleaved, 1 to 4 as in ImageInfo) looks like
/// the first of another shot: most of it has changed, and so have its tones. It depends on these two alone.
bool looks_like_cut(const std::vector<float>& before, const std::vector<float>& after, int channels);

/// The same of frames in any form: the luma of a pixel, from 0 to 1. Some thousand of `pixels` are asked for.
using LumaAt = std::function<double(size_t pixel)>;
bool looks_like_cut(const LumaAt& before, const LumaAt& after, size_t pixels);

/// Of a pixel's colours, or of gray.
double luma_of(const float* pixel, int channels);

}  // namespace esrgan
