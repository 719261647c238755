// The two ways to run a convolution, and what they share.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "base/aligned_buffer.h"
#include "device/cpu/kernels/convolutions.h"
#include "device/cpu/kernels/direct_conv.h"
#include "device/cpu/kernels/winograd.h"
#include "device/cpu/kernels/winograd_layout.h"

namespace esrgan {

constexpr size_t most_residuals = 2;

/// For any kernel size: every product is computed. channels: of each input.
std::unique_ptr<PreparedConvolution> prepare_direct(const Convolution& conv, const std::vector<int>& channels,
                                                    DirectConvKernel kernel);

/// For 3x3 kernels, with few multiplications; also of several inputs, and of enlarged ones.
std::unique_ptr<PreparedConvolution> prepare_winograd(const Convolution& conv,
                                                      const std::vector<int>& channels,
                                                      WinogradKernel kernel);

/// What follows the sums, for either kind of kernel.
class Epilogue {
 public:
  Epilogue(const Convolution& conv, int lanes) : scale_(conv.scale), bias_(padded(conv.bias, lanes)) {
    if (!conv.slope.empty()) slope_ = padded(conv.slope, lanes);
  }

  template <typename Args>
  void describe(Args& args) const {
    args.bias = bias_.data();
    args.slope = slope_.data();
    args.scale = scale_;
  }

 private:
  /// One value for each output channel, padded with zeros to whole blocks.
  static AlignedBuffer padded(const std::vector<float>& values, int lanes) {
    AlignedBuffer buffer(values.size() + 2 * static_cast<size_t>(lanes));
    std::copy(values.begin(), values.end(), buffer.data());
    return buffer;
  }

  float scale_;
  AlignedBuffer bias_, slope_;
};

inline BandShape shape_of(const ConvolutionBand& band) {
  return {band.column_end - band.column_begin, band.row_end - band.row_begin, band.whole};
}

/// Row y of an input at its column `first`, or zeros beyond its edges; `shift` as in WinogradInput.
inline const float* padded_row(const FeatureView& in, int y, int shift, const float* zeros) {
  return y < 0 || y >> shift >= in.height ? zeros : in.row_at(y >> shift);
}

}  // namespace esrgan
