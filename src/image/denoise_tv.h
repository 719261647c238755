// Total-variation denoising.
#pragma once

#include <memory>

#include "image/float_image.h"
#include "image/rows.h"

namespace esrgan {

/// Chambolle's algorithm (J. Math. Imaging Vis. 20, 2004), each channel by itself, with the stopping rule and
/// the parameters of skimage.restoration.denoise_tv_chambolle: the larger `weight`, the smoother.
void denoise_tv(FloatImage& picture, float weight, double tolerance = 2e-4, int max_iterations = 200);

/// A sink that collects the whole picture, denoises it and hands it on.
std::unique_ptr<RowSink> make_denoise_tv_sink(const ImageInfo& info, float weight,
                                              std::unique_ptr<RowSink> next);

/// Bytes such a sink holds at most.
size_t denoise_tv_sink_memory(const ImageInfo& info);

}  // namespace esrgan
