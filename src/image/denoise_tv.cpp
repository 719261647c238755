#include "image/denoise_tv.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace esrgan {
namespace {

/// The dual field of one channel: px and py belong to the differences to the right and to the lower
/// neighbour.
class Chambolle {
 public:
  Chambolle(int width, int height, float weight)
      : width_(width), height_(height), weight_(weight), px_(size()), py_(size()), result_(size()) {}

  /// Denoises `channel` in place.
  void run(std::vector<float>& channel, double tolerance, int max_iterations) {
    double first_energy = 0, last_energy = 0;
    for (int i = 0; i < max_iterations; ++i) {
      const double energy = (add_divergence(channel) + step()) / static_cast<double>(size());
      if (i == 0)
        first_energy = energy;
      else if (std::abs(last_energy - energy) < tolerance * first_energy)
        break;
      last_energy = energy;
    }
    channel = result_;
  }

 private:
  static constexpr float time_step = 1.0F / 4;  // 1 / (2 * dimensions): the largest that converges

  size_t size() const { return static_cast<size_t>(width_) * static_cast<size_t>(height_); }

  /// result = channel + div p; returns the sum of squares of div p.
  double add_divergence(const std::vector<float>& channel) {
    double squares = 0;
    for (int y = 0; y < height_; ++y)
      for (int x = 0; x < width_; ++x) {
        const size_t i = static_cast<size_t>(y) * static_cast<size_t>(width_) + static_cast<size_t>(x);
        float divergence = -px_[i] - py_[i];
        if (x > 0) divergence += px_[i - 1];
        if (y > 0) divergence += py_[i - static_cast<size_t>(width_)];
        result_[i] = channel[i] + divergence;
        squares += static_cast<double>(divergence) * divergence;
      }
    return squares;
  }

  /// One step of the dual field along the gradient of result; returns weight * total variation.
  double step() {
    double variation = 0;
    for (int y = 0; y < height_; ++y)
      for (int x = 0; x < width_; ++x) {
        const size_t i = static_cast<size_t>(y) * static_cast<size_t>(width_) + static_cast<size_t>(x);
        const float gx = x + 1 < width_ ? result_[i + 1] - result_[i] : 0;
        const float gy = y + 1 < height_ ? result_[i + static_cast<size_t>(width_)] - result_[i] : 0;
        const float norm = std::sqrt(gx * gx + gy * gy);
        variation += static_cast<double>(norm);
        const float shrink = 1 / (1 + norm * time_step / weight_);
        px_[i] = (px_[i] - time_step * gx) * shrink;
        py_[i] = (py_[i] - time_step * gy) * shrink;
      }
    return static_cast<double>(weight_) * variation;
  }

  int width_, height_;
  float weight_;
  std::vector<float> px_, py_, result_;
};

class DenoiseSink : public RowSink {
 public:
  DenoiseSink(const ImageInfo& info, float weight, std::unique_ptr<RowSink> next)
      : picture_(info.width, info.height, info.channels), weight_(weight), next_(std::move(next)) {}

  void write(const float* rows, int count) override {
    std::copy_n(rows, picture_.row_samples() * static_cast<size_t>(count), picture_.row(filled_));
    filled_ += count;
  }

  void finish() override {
    denoise_tv(picture_, weight_);
    next_->write(picture_.pixels.data(), picture_.height);
    next_->finish();
  }

 private:
  FloatImage picture_;
  float weight_;
  std::unique_ptr<RowSink> next_;
  int filled_ = 0;
};

}  // namespace

void denoise_tv(FloatImage& picture, float weight, double tolerance, int max_iterations) {
  if (!(weight > 0)) return;
  const auto channels = static_cast<size_t>(picture.channels);
  std::vector<float> channel(picture.pixels.size() / channels);
  for (size_t c = 0; c < channels; ++c) {
    for (size_t i = 0; i < channel.size(); ++i) channel[i] = picture.pixels[i * channels + c];
    Chambolle(picture.width, picture.height, weight).run(channel, tolerance, max_iterations);
    for (size_t i = 0; i < channel.size(); ++i) picture.pixels[i * channels + c] = channel[i];
  }
}

std::unique_ptr<RowSink> make_denoise_tv_sink(const ImageInfo& info, float weight,
                                              std::unique_ptr<RowSink> next) {
  return std::make_unique<DenoiseSink>(info, weight, std::move(next));
}

size_t denoise_tv_sink_memory(const ImageInfo& info) {
  const size_t pixels = static_cast<size_t>(info.width) * static_cast<size_t>(info.height);
  return pixels * sizeof(float) * static_cast<size_t>(info.channels + 4);
}

}  // namespace esrgan
