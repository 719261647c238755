// The reference kernels: the definition of a convolution, written down.
#include "kernels/backend.h"

namespace esrgan {
namespace {

class ReferenceConvolution : public PreparedConvolution {
 public:
  explicit ReferenceConvolution(const Convolution& convolution) : conv_(convolution) {}

  void run(const FeatureView& in, const FeatureView& out, const std::vector<ResidualView>& residuals,
           ThreadPool& pool) const override {
    pool.parallel_for(static_cast<size_t>(out.height), [&](size_t row, int) {
      const int y = static_cast<int>(row);
      std::vector<double> pixel(static_cast<size_t>(out.channels));
      for (int x = 0; x < out.width; ++x) {
        for (int c = 0; c < out.channels; ++c)
          pixel[static_cast<size_t>(c)] = value_at(in, x, y, c, residuals);
        for (int c = 0; c < out.channels; ++c)
          out.at(x, y)[c] = static_cast<float>(pixel[static_cast<size_t>(c)]);
      }
    });
  }

 private:
  double value_at(const FeatureView& in, int x, int y, int c,
                  const std::vector<ResidualView>& residuals) const {
    const int kernel = conv_.kernel, radius = kernel / 2, up = conv_.upsample;
    double sum = conv_.bias[static_cast<size_t>(c)];
    for (int i = 0; i < in.channels; ++i)
      for (int ky = 0; ky < kernel; ++ky)
        for (int kx = 0; kx < kernel; ++kx) {
          const int sy = y + ky - radius, sx = x + kx - radius;
          if (sy < 0 || sx < 0 || sy >= in.height * up || sx >= in.width * up) continue;  // zero padding
          const size_t weight = static_cast<size_t>(((c * in.channels + i) * kernel + ky) * kernel + kx);
          sum += static_cast<double>(conv_.weights[weight]) * in.at(sx / up, sy / up)[i];
        }
    if (!conv_.slope.empty() && sum < 0) sum *= conv_.slope[static_cast<size_t>(c)];
    sum *= conv_.scale;
    for (const ResidualView& residual : residuals)
      sum += static_cast<double>(residual.scale) * residual.view.at(x, y)[c];
    return sum;
  }

  Convolution conv_;
};

class ReferenceBackend : public Backend {
 public:
  const char* name() const override { return "reference"; }
  std::unique_ptr<PreparedConvolution> prepare(const Convolution& convolution) const override {
    return std::make_unique<ReferenceConvolution>(convolution);
  }
};

}  // namespace

std::unique_ptr<Backend> make_reference_backend() {
  return std::make_unique<ReferenceBackend>();
}

}  // namespace esrgan
