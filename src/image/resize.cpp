#include "image/resize.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <numbers>
#include <utility>

namespace esrgan {
namespace {

/// Keys' cubic with a = -0.5.
double cubic(double x) {
  x = std::abs(x);
  if (x <= 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x <= 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
  return 0;
}

double lanczos3(double x) {
  x = std::abs(x);
  if (x < 1e-12) return 1;
  if (x >= 3) return 0;
  const double angle = std::numbers::pi * x;
  return 3 * std::sin(angle) * std::sin(angle / 3) / (angle * angle);
}

/// Edge pixels repeated, as often as needed: 1 0 | 0 1 2 | 2 1.
int reflect_symmetric(int index, int extent) {
  const int period = 2 * extent;
  index = ((index % period) + period) % period;
  return index < extent ? index : period - 1 - index;
}

/// Removes taps at either end whose weight is zero for every output.
void drop_empty_taps(AxisWeights& axis) {
  const auto is_empty = [&](int tap) {
    for (int i = 0; i < axis.size(); ++i)
      if (axis.weights[static_cast<size_t>(i * axis.taps + tap)] != 0) return false;
    return true;
  };
  int first = 0, last = axis.taps;
  while (first + 1 < last && is_empty(first)) ++first;
  while (last - 1 > first && is_empty(last - 1)) --last;
  if (first == 0 && last == axis.taps) return;
  AxisWeights kept;
  kept.taps = last - first;
  for (int i = 0; i < axis.size(); ++i)
    for (int tap = first; tap < last; ++tap) {
      kept.indices.push_back(axis.indices[static_cast<size_t>(i * axis.taps + tap)]);
      kept.weights.push_back(axis.weights[static_cast<size_t>(i * axis.taps + tap)]);
    }
  axis = std::move(kept);
}

double weighted_sum(const AxisWeights& axis, int i, const double* samples, ptrdiff_t stride) {
  double sum = 0;
  for (int t = i * axis.taps; t < (i + 1) * axis.taps; ++t)
    sum += axis.weights[static_cast<size_t>(t)] * samples[axis.indices[static_cast<size_t>(t)] * stride];
  return sum;
}

/// Largest level of an integer type, 0 for floating point.
double levels_of(SampleType type) {
  if (type == SampleType::u8) return 255;
  return type == SampleType::u16 ? 65535 : 0;
}

/// The nearest whole number in [0, levels], halves up; `value` itself when levels is 0.
double round_to_level(double value, double levels) {
  return levels > 0 ? std::clamp(std::floor(value + 0.5), 0.0, levels) : value;
}

/// Columns first (height), then rows, in double precision, rounded to levels after each. Sums are formed of
/// whole levels, so that ties, which are common at scales of 2 and 4, are exact.
FloatImage resample(const FloatImage& picture, const AxisWeights& vertical, const AxisWeights& horizontal,
                    double levels) {
  const int channels = picture.channels;
  const double unit = levels > 0 ? levels : 1;
  FloatImage result(horizontal.size(), vertical.size(), channels);
  std::vector<double> column(static_cast<size_t>(picture.height));
  std::vector<double> tall(picture.row_samples() * static_cast<size_t>(vertical.size()));
  for (size_t s = 0; s < picture.row_samples(); ++s) {
    for (int y = 0; y < picture.height; ++y)
      column[static_cast<size_t>(y)] = round_to_level(unit * static_cast<double>(picture.row(y)[s]), levels);
    for (int y = 0; y < vertical.size(); ++y)
      tall[static_cast<size_t>(y) * picture.row_samples() + s] =
          round_to_level(weighted_sum(vertical, y, column.data(), 1), levels);
  }
  for (int y = 0; y < result.height; ++y) {
    const double* row = tall.data() + static_cast<size_t>(y) * picture.row_samples();
    for (int x = 0; x < result.width; ++x)
      for (int c = 0; c < channels; ++c)
        result.at(x, y, c) =
            static_cast<float>(round_to_level(weighted_sum(horizontal, x, row + c, channels), levels) / unit);
  }
  return result;
}

class LanczosSink : public RowSink {
 public:
  LanczosSink(const ImageInfo& from, int width, int height, std::unique_ptr<RowSink> next)
      : from_(from),
        width_(width),
        horizontal_(make_axis(from.width, width, static_cast<double>(width) / from.width, Filter::lanczos3)),
        vertical_(
            make_axis(from.height, height, static_cast<double>(height) / from.height, Filter::lanczos3)),
        next_(std::move(next)) {}

  void write(const float* rows, int count) override {
    for (int r = 0; r < count; ++r) {
      window_.push_back(resample_row(rows + static_cast<size_t>(r) * from_.row_samples()));
      ++received_;
      emit_ready();
    }
  }
  void finish() override { next_->finish(); }

 private:
  std::vector<float> resample_row(const float* row) const {
    const auto channels = static_cast<size_t>(from_.channels);
    std::vector<float> result(static_cast<size_t>(width_) * channels);
    const auto taps = static_cast<size_t>(horizontal_.taps);
    for (size_t x = 0; x < static_cast<size_t>(width_); ++x)
      for (size_t t = x * taps; t < (x + 1) * taps; ++t) {
        const auto weight = static_cast<float>(horizontal_.weights[t]);
        const float* from = row + static_cast<size_t>(horizontal_.indices[t]) * channels;
        for (size_t c = 0; c < channels; ++c) result[x * channels + c] += weight * from[c];
      }
    return result;
  }

  /// Writes every output row whose input rows are all there, and forgets rows that no later one needs.
  void emit_ready() {
    std::vector<float> result(static_cast<size_t>(width_) * static_cast<size_t>(from_.channels));
    const auto taps = static_cast<size_t>(vertical_.taps);
    for (; emitted_ < vertical_.size(); ++emitted_) {
      const auto begin =
          vertical_.indices.begin() + static_cast<ptrdiff_t>(static_cast<size_t>(emitted_) * taps);
      const auto [lowest, highest] = std::minmax_element(begin, begin + static_cast<ptrdiff_t>(taps));
      for (; first_ < *lowest; ++first_) window_.pop_front();
      if (*highest >= received_) return;
      std::fill(result.begin(), result.end(), 0.0F);
      for (size_t t = 0; t < taps; ++t) {
        const auto weight = static_cast<float>(vertical_.weights[static_cast<size_t>(emitted_) * taps + t]);
        const std::vector<float>& row =
            window_[static_cast<size_t>(begin[static_cast<ptrdiff_t>(t)] - first_)];
        for (size_t s = 0; s < result.size(); ++s) result[s] += weight * row[s];
      }
      next_->write(result.data(), 1);
    }
  }

  ImageInfo from_;
  int width_;
  AxisWeights horizontal_, vertical_;
  std::unique_ptr<RowSink> next_;
  std::deque<std::vector<float>> window_;
  int first_ = 0;  // row number of window_.front()
  int received_ = 0, emitted_ = 0;
};

}  // namespace

AxisWeights make_axis(int in, int out, double scale, Filter filter) {
  const double shrink = std::min(scale, 1.0);  // below 1 the kernel is stretched: antialiasing
  const double width = (filter == Filter::bicubic ? 4.0 : 6.0) / shrink;
  AxisWeights axis;
  axis.taps = static_cast<int>(std::ceil(width)) + 2;
  for (int i = 1; i <= out; ++i) {
    const double centre = i / scale + 0.5 * (1 - 1 / scale);  // counted from 1
    const double left = std::floor(centre - width / 2);
    const size_t begin = axis.weights.size();
    double sum = 0;
    for (int t = 0; t < axis.taps; ++t) {
      const double distance = shrink * (centre - (left + t));
      const double weight = shrink * (filter == Filter::bicubic ? cubic(distance) : lanczos3(distance));
      axis.weights.push_back(weight);
      axis.indices.push_back(reflect_symmetric(static_cast<int>(left) + t - 1, in));
      sum += weight;
    }
    for (size_t t = begin; t < axis.weights.size(); ++t) axis.weights[t] /= sum;
  }
  drop_empty_taps(axis);
  return axis;
}

FloatImage resize_bicubic(const FloatImage& picture, double scale, SampleType type) {
  const auto scaled = [scale](int extent) { return static_cast<int>(std::ceil(extent * scale)); };
  return resample(picture, make_axis(picture.height, scaled(picture.height), scale, Filter::bicubic),
                  make_axis(picture.width, scaled(picture.width), scale, Filter::bicubic), levels_of(type));
}

FloatImage resize_lanczos(const FloatImage& picture, int width, int height) {
  return resample(
      picture,
      make_axis(picture.height, height, static_cast<double>(height) / picture.height, Filter::lanczos3),
      make_axis(picture.width, width, static_cast<double>(width) / picture.width, Filter::lanczos3), 0);
}

std::unique_ptr<RowSink> make_lanczos_sink(const ImageInfo& from, int width, int height,
                                           std::unique_ptr<RowSink> next) {
  return std::make_unique<LanczosSink>(from, width, height, std::move(next));
}

size_t lanczos_sink_memory(const ImageInfo& from, int width, int height) {
  const double reach = 6 * std::max(1.0, static_cast<double>(from.height) / height) + 3;
  return static_cast<size_t>(reach * width * from.channels) * sizeof(float);
}

}  // namespace esrgan
