// Grain: the noise of a picture, measured in its even parts, and laid over another one.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "image/float_image.h"
#include "image/rows.h"

namespace esrgan {

/// Side of the blocks in which noise is measured, pixels.
constexpr int grain_block = 32;
/// Rings of spatial frequency: ring r is of about r / grain_block cycles a pixel; the last ones lie in the
/// spectrum's corners.
constexpr size_t grain_rings = 23;
/// Tones, from black to white, for which its strength is known apart.
constexpr size_t grain_tones = 8;

/// How the noise of a picture is spread over spatial frequencies: the power spectral density, for white noise
/// its variance, of samples in [0, 1]. Of gray pictures one component, of others three that are told apart
/// well: (R + G + B) / sqrt(3), (R - B) / sqrt(2), (R - 2 G + B) / sqrt(6).
struct GrainSpectrum {
  std::vector<std::array<double, grain_rings>> components;
};

/// Places of blocks in a picture.
struct GrainPlace {
  int x = 0, y = 0;
};

struct Grain {
  GrainSpectrum spectrum;
  std::array<float, grain_tones> by_tone{};  ///< amplitude there, in relation to the spectrum's
  std::vector<GrainPlace> places;            ///< blocks that it was seen in, the evenest first
};

/// Measures it in the picture's even blocks (those whose coarse parts, means of 8 x 8 pixels, differ no more
/// from a plane than chance makes those of the evenest tenth), by the mean of their windowed periodograms
/// over each ring without those far above the median. Nothing without `places` where nothing is even. The
/// source must allow random access.
Grain measure_grain(RowSource& source);

/// The same in the blocks of a picture that the caller chose; `by_tone` is not measured.
GrainSpectrum spectrum_of_blocks(const FloatImage& picture, const std::vector<GrainPlace>& places);

/// What is left of `wanted` where `there` is as much already, and rounding samples of `stored` adds some.
GrainSpectrum missing_grain(const GrainSpectrum& wanted, const GrainSpectrum& there, SampleType stored);

/// Lays grain over the rows of a picture, whose alpha stays: what the spectrum of `grain` says at the time of
/// the first row, as strong as the tone asks for. The same pixel always gets the same.
std::unique_ptr<RowSink> make_grain_sink(const ImageInfo& info, std::shared_ptr<const Grain> grain,
                                         std::unique_ptr<RowSink> next);

/// Bytes that such a sink holds.
size_t grain_sink_memory(const ImageInfo& info);

}  // namespace esrgan
