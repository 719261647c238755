// The reference kernels: the definition of a convolution, written down.
#include <utility>

#include "kernels/backend.h"

namespace esrgan {
namespace {

class ReferenceConvolution : public PreparedConvolution {
 public:
  explicit ReferenceConvolution(Convolution convolution) : conv_(std::move(convolution)) {}

  int parts(int, int rows, int) const override { return rows; }
  size_t scratch_bytes(int, int, int) const override { return 0; }

  void run(const ConvolutionBand& band, int part, int parts, std::byte*) const override {
    const BandPart here = part_of(part, parts, band.out.width, band.row_end - band.row_begin);
    for (int y = band.row_begin + here.row_begin; y < band.row_begin + here.row_end; ++y)
      for (int x = 0; x < band.out.width; ++x)
        for (int c = 0; c < band.out.channels; ++c)
          band.out.row_at(y)[x * band.out.pixel + c] = static_cast<float>(value_at(band, x, y, c));
  }

 private:
  double value_at(const ConvolutionBand& band, int x, int y, int c) const {
    double sum = conv_.bias[static_cast<size_t>(c)];
    int first = 0;  // channel of the concatenation
    for (const FeatureView& in : band.inputs) {
      for (int i = 0; i < in.channels; ++i) sum += products(in, i, first + i, x, y, c);
      first += in.channels;
    }
    if (!conv_.slope.empty() && sum < 0) sum *= conv_.slope[static_cast<size_t>(c)];
    sum *= conv_.scale;
    for (const ResidualView& residual : band.residuals)
      sum += static_cast<double>(residual.scale) * residual.view.row_at(y)[x * residual.view.pixel + c];
    return sum;
  }

  /// Of one input channel with its kernel.
  double products(const FeatureView& in, int channel, int i, int x, int y, int c) const {
    const int kernel = conv_.kernel, radius = kernel / 2, up = conv_.upsample;
    double sum = 0;
    for (int ky = 0; ky < kernel; ++ky)
      for (int kx = 0; kx < kernel; ++kx) {
        const int sy = y + ky - radius, sx = x + kx - radius;
        if (sy < 0 || sx < 0 || sy >= in.height * up || sx >= in.width * up) continue;  // zero padding
        const auto weight = static_cast<size_t>(((c * conv_.in_channels + i) * kernel + ky) * kernel + kx);
        sum += static_cast<double>(conv_.weights[weight]) * in.row_at(sy / up)[sx / up * in.pixel + channel];
      }
    return sum;
  }

  Convolution conv_;
};

class ReferenceBackend : public Backend {
 public:
  const char* name() const override { return "reference"; }
  std::unique_ptr<PreparedConvolution> prepare(const Convolution& convolution,
                                               const std::vector<int>&) const override {
    return std::make_unique<ReferenceConvolution>(convolution);
  }
};

}  // namespace

std::unique_ptr<Backend> make_reference_backend() {
  return std::make_unique<ReferenceBackend>();
}

}  // namespace esrgan
