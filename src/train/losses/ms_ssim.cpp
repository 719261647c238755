// 1 - MS-SSIM (Wang, Simoncelli and Bovik 2003): structures at five scales, the brightness at the last.
#include <array>

#include "train/losses/kinds.h"
#include "train/losses/windows.h"

namespace esrgan::train {
namespace {

using torch::Tensor;

constexpr std::array<double, 5> scale_weights{0.0448, 0.2856, 0.3001, 0.2363, 0.1333};
constexpr int window_size = 11;
constexpr double window_sigma = 1.5, c1 = 0.01 * 0.01, c2 = 0.03 * 0.03;

/// A patch that has no room for the window at the fifth scale has fewer of them; their weights are enlarged
/// to the same sum.
class MsSsim : public Loss {
 public:
  explicit MsSsim(int scales) : scales_(scales) {
    window_ = register_buffer("window", gaussian_window(window_size, window_sigma));
  }

  Tensor of(const LossInputs& inputs) override {
    Tensor x = inputs.fake, y = inputs.target;
    int scales = 1;
    for (int64_t side = std::min(x.size(2), x.size(3)); scales < scales_ && (side + 1) / 2 >= window_size;
         ++scales)
      side = (side + 1) / 2;
    double all = 0, used = 0;
    for (size_t i = 0; i < scale_weights.size(); ++i) {
      all += scale_weights.at(i);
      used += static_cast<int>(i) < scales ? scale_weights.at(i) : 0;
    }
    Tensor product;
    for (int scale = 0; scale < scales; ++scale) {
      if (scale > 0) {
        const std::array<int64_t, 2> padding{x.size(2) % 2, x.size(3) % 2};
        x = torch::avg_pool2d(x, 2, 2, padding);
        y = torch::avg_pool2d(y, 2, 2, padding);
      }
      const Tensor found = similarity(x, y, scale + 1 == scales);
      const double weight = scale_weights.at(static_cast<size_t>(scale)) * all / used;
      const Tensor part = torch::pow(torch::relu(found), weight);
      product = product.defined() ? product * part : part;
    }
    return 1 - product.mean();
  }

 private:
  /// Means over the pixels, for each picture and channel, of contrast and structure, with the brightness or
  /// without.
  Tensor similarity(const Tensor& x, const Tensor& y, bool brightness) const {
    // Variances do not care about a grey that is taken away, but their rounding does.
    constexpr double grey = 0.5;
    const Tensor a = x - grey, b = y - grey;
    const Tensor mean_a = filtered(a, window_), mean_b = filtered(b, window_);
    const Tensor variance_a = filtered(a * a, window_) - mean_a * mean_a,
                 variance_b = filtered(b * b, window_) - mean_b * mean_b,
                 covariance = filtered(a * b, window_) - mean_a * mean_b;
    Tensor map = (2 * covariance + c2) / (variance_a + variance_b + c2);
    if (brightness) {
      const Tensor mean_x = mean_a + grey, mean_y = mean_b + grey;
      map = map * (2 * mean_x * mean_y + c1) / (mean_x * mean_x + mean_y * mean_y + c1);
    }
    return map.flatten(2).mean(2);
  }

  int scales_;
  Tensor window_;
};

}  // namespace

MakeLoss read_ms_ssim(Settings& settings) {
  const int most = static_cast<int>(scale_weights.size());
  const int scales = settings.at_least("scales", 1, most);
  if (scales > most) settings.refuse("scales", "1 to " + std::to_string(most));
  return [scales] { return std::make_shared<MsSsim>(scales); };
}

}  // namespace esrgan::train
