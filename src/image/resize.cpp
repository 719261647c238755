#include "image/resize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <span>
#include <utility>

namespace esrgan {
double cubic_weight(double x) {
  x = std::abs(x);
  if (x <= 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x <= 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
  return 0;
}

namespace {

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

/// Largest level of an integer type, 0 for floating point.
double levels_of(SampleType type) {
  if (type == SampleType::u8) return 255;
  return type == SampleType::u16 ? 65535 : 0;
}

/// The nearest whole number in [0, levels], halves up; `value` itself when levels is 0.
double round_to_level(double value, double levels) {
  return levels > 0 ? std::clamp(std::floor(value + 0.5), 0.0, levels) : value;
}

/// The rows of a picture as whole levels in double precision; the last ones that were asked for are kept.
class LevelRows {
 public:
  LevelRows(const FloatImage& picture, double levels, int kept)
      : picture_(picture),
        levels_(levels),
        rows_(static_cast<size_t>(kept)),
        numbers_(static_cast<size_t>(kept), -1) {}

  const std::vector<double>& row(int y) {
    const size_t place = static_cast<size_t>(y) % rows_.size();
    std::vector<double>& row = rows_[place];
    if (numbers_[place] == y) return row;
    numbers_[place] = y;
    row.resize(picture_.row_samples());
    const float* from = picture_.row(y);
    const double unit = levels_ > 0 ? levels_ : 1;
    for (size_t s = 0; s < row.size(); ++s)
      row[s] = round_to_level(unit * static_cast<double>(from[s]), levels_);
    return row;
  }

 private:
  const FloatImage& picture_;
  double levels_;
  std::vector<std::vector<double>> rows_;
  std::vector<int> numbers_;
};

/// Columns first (height), then rows, in double precision, rounded to levels after each. Sums are formed of
/// whole levels, so that ties, which are common at scales of 2 and 4, are exact.
FloatImage resample(const FloatImage& picture, const AxisWeights& vertical, const AxisWeights& horizontal,
                    double levels) {
  const auto channels = static_cast<size_t>(picture.channels), row_samples = picture.row_samples();
  const auto down = static_cast<size_t>(vertical.taps), across = static_cast<size_t>(horizontal.taps);
  const double unit = levels > 0 ? levels : 1;
  FloatImage result(horizontal.size(), vertical.size(), picture.channels);
  LevelRows rows(picture, levels, vertical.taps + 1);
  std::vector<double> sums(row_samples), pixel(channels);
  for (int y = 0; y < result.height; ++y) {
    std::fill(sums.begin(), sums.end(), 0.0);
    for (size_t t = static_cast<size_t>(y) * down; t < (static_cast<size_t>(y) + 1) * down; ++t) {
      const double weight = vertical.weights[t];
      const std::vector<double>& row = rows.row(vertical.indices[t]);
      for (size_t s = 0; s < row_samples; ++s) sums[s] += weight * row[s];
    }
    for (double& sum : sums) sum = round_to_level(sum, levels);
    float* out = result.row(y);
    for (size_t x = 0; x < static_cast<size_t>(result.width); ++x) {
      std::fill(pixel.begin(), pixel.end(), 0.0);
      for (size_t t = x * across; t < (x + 1) * across; ++t)
        for (size_t c = 0; c < channels; ++c)
          pixel[c] += horizontal.weights[t] * sums[static_cast<size_t>(horizontal.indices[t]) * channels + c];
      for (size_t c = 0; c < channels; ++c)
        *out++ = static_cast<float>(round_to_level(pixel[c], levels) / unit);
    }
  }
  return result;
}

/// Several rows are resampled together, a vector's lane each, so that no sample has to be gathered.
class LanczosSink : public RowSink {
 public:
  LanczosSink(const ImageInfo& from, int width, int height, std::unique_ptr<RowSink> next)
      : from_(from),
        to_row_(static_cast<size_t>(width) * static_cast<size_t>(from.channels)),
        horizontal_(make_axis(from.width, width, static_cast<double>(width) / from.width, Filter::lanczos3)),
        vertical_(
            make_axis(from.height, height, static_cast<double>(height) / from.height, Filter::lanczos3)),
        next_(std::move(next)),
        weights_(horizontal_.weights.begin(), horizontal_.weights.end()),
        block_(from.row_samples() * lanes),
        window_((static_cast<size_t>(vertical_.taps) + lanes) * to_row_) {}

  void write(const float* rows, int count) override {
    for (int r = 0; r < count; r += static_cast<int>(lanes)) {
      const auto some = std::min(lanes, static_cast<size_t>(count - r));
      take_rows(rows + static_cast<size_t>(r) * from_.row_samples(), some);
      emit_ready();
    }
  }
  void finish() override { next_->finish(); }

  /// Bytes of such a sink.
  static size_t memory(const ImageInfo& from, int width, int height) {
    const double reach = 6 * std::max(1.0, static_cast<double>(from.height) / height) + 4;
    return static_cast<size_t>((reach + lanes) * width * from.channels) * sizeof(float) +
           from.row_samples() * lanes * sizeof(float);
  }

 private:
  static constexpr size_t lanes = 8;

  float* window_row(int number) {
    const size_t rows = window_.size() / to_row_;
    return window_.data() + static_cast<size_t>(number) % rows * to_row_;
  }

  void take_rows(const float* rows, size_t count) {
    const size_t row = from_.row_samples();
    for (size_t r = 0; r < count; ++r)
      for (size_t s = 0; s < row; ++s) block_[s * lanes + r] = rows[r * row + s];
    const auto channels = static_cast<size_t>(from_.channels), taps = static_cast<size_t>(horizontal_.taps);
    std::array<float*, lanes> to{};
    for (size_t r = 0; r < count; ++r) to[r] = window_row(received_ + static_cast<int>(r));
    for (size_t x = 0; x < to_row_ / channels; ++x)
      for (size_t c = 0; c < channels; ++c) {
        std::array<float, lanes> sums{};
        for (size_t t = x * taps; t < (x + 1) * taps; ++t) {
          const float* from =
              block_.data() + (static_cast<size_t>(horizontal_.indices[t]) * channels + c) * lanes;
          for (size_t r = 0; r < lanes; ++r) sums[r] += weights_[t] * from[r];
        }
        for (size_t r = 0; r < count; ++r) to[r][x * channels + c] = sums[r];
      }
    received_ += static_cast<int>(count);
  }

  /// Writes every output row whose input rows are all there. The window holds as many as any of them needs,
  /// and those that came together with its last one.
  void emit_ready() {
    std::vector<float> result(to_row_);
    const auto taps = static_cast<size_t>(vertical_.taps);
    for (; emitted_ < vertical_.size(); ++emitted_) {
      const size_t begin = static_cast<size_t>(emitted_) * taps;
      const auto indices = std::span(vertical_.indices).subspan(begin, taps);
      if (*std::max_element(indices.begin(), indices.end()) >= received_) return;
      std::fill(result.begin(), result.end(), 0.0F);
      for (size_t t = 0; t < taps; ++t) {
        const auto weight = static_cast<float>(vertical_.weights[begin + t]);
        const float* row = window_row(indices[t]);
        for (size_t s = 0; s < to_row_; ++s) result[s] += weight * row[s];
      }
      next_->write(result.data(), 1);
    }
  }

  ImageInfo from_;
  size_t to_row_;  // samples
  AxisWeights horizontal_, vertical_;
  std::unique_ptr<RowSink> next_;
  std::vector<float> weights_;  // of horizontal_
  std::vector<float> block_;    // [sample][row]
  std::vector<float> window_;   // the latest rows of the final width, each at its number modulo their count
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
      const double weight =
          shrink * (filter == Filter::bicubic ? cubic_weight(distance) : lanczos3(distance));
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
  return LanczosSink::memory(from, width, height);
}

}  // namespace esrgan
