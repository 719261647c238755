#include "metrics/naturalness.h"

#include <esrgan/error.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "image/resize.h"
#include "metrics/metrics.h"
#include "weights/builtin.h"
#include "weights/read_weights.h"
#include "weights/safetensors.h"

namespace esrgan {
namespace {

constexpr int patch_side = 96, window = 7, half_window = window / 2;
constexpr size_t count = naturalness_features;
using Features = std::array<double, count>;

std::array<double, window> gaussian() {
  std::array<double, window> weights{};
  double sum = 0;
  for (int i = 0; i < window; ++i) {
    const double d = (i - half_window) / (window / 6.0);
    sum += weights[static_cast<size_t>(i)] = std::exp(-d * d / 2);
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

/// Brightness less its local mean, by its local deviation, and that deviation.
struct Normalised {
  FloatImage values, deviation;
};

Normalised normalise(const FloatImage& gray) {
  static const std::array<double, window> weights = gaussian();
  const int width = gray.width, height = gray.height;
  FloatImage sums(width, height, 2);  // of values and squares, across
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      double sum = 0, squares = 0;
      for (int i = 0; i < window; ++i) {
        const double value =
            255 * static_cast<double>(gray.at(std::clamp(x + i - half_window, 0, width - 1), y, 0));
        sum += weights[static_cast<size_t>(i)] * value;
        squares += weights[static_cast<size_t>(i)] * value * value;
      }
      sums.at(x, y, 0) = static_cast<float>(sum);
      sums.at(x, y, 1) = static_cast<float>(squares);
    }
  Normalised result{FloatImage(width, height, 1), FloatImage(width, height, 1)};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      double sum = 0, squares = 0;
      for (int i = 0; i < window; ++i) {
        const int from = std::clamp(y + i - half_window, 0, height - 1);
        sum += weights[static_cast<size_t>(i)] * static_cast<double>(sums.at(x, from, 0));
        squares += weights[static_cast<size_t>(i)] * static_cast<double>(sums.at(x, from, 1));
      }
      const double deviation = std::sqrt(std::abs(squares - sum * sum));
      result.deviation.at(x, y, 0) = static_cast<float>(deviation);
      result.values.at(x, y, 0) =
          static_cast<float>((255 * static_cast<double>(gray.at(x, y, 0)) - sum) / (deviation + 1));
    }
  return result;
}

/// A generalised Gaussian with a width of its own on each side of zero, fitted by its moments (Lasmar, Stitou
/// and Berthoumieu 2009).
struct Asymmetric {
  double shape = 0, left = 0, right = 0, mean = 0;
};

class Moments {
 public:
  void add(double value) {
    ++count_;
    sum_ += std::abs(value);
    if (value < 0) ++below_, left_ += value * value;
    if (value > 0) ++above_, right_ += value * value;
  }
  /// Nothing where there are not values on both sides.
  std::optional<Asymmetric> fitted() const {
    if (below_ == 0 || above_ == 0) return {};
    const double left = std::sqrt(left_ / below_), right = std::sqrt(right_ / above_), ratio = left / right;
    const double mean = sum_ / count_, squares = (left_ + right_) / count_;
    const double wanted =
        mean * mean / squares * (std::pow(ratio, 3) + 1) * (ratio + 1) / std::pow(ratio * ratio + 1, 2);
    Asymmetric result;
    result.shape = shape_of(wanted);
    const double width = std::sqrt(std::tgamma(1 / result.shape) / std::tgamma(3 / result.shape));
    result.left = left * width;
    result.right = right * width;
    result.mean =
        (result.right - result.left) * std::tgamma(2 / result.shape) / std::tgamma(1 / result.shape);
    return result;
  }

 private:
  /// The shape whose ratio of moments is nearest, among 0.2, 0.201, ... 10; the ratio grows with the shape.
  static double shape_of(double wanted) {
    static const std::vector<double> ratios = [] {
      std::vector<double> made;
      for (int i = 200; i <= 10000; ++i) {
        const double shape = i / 1000.0;
        made.push_back(
            std::exp(2 * std::lgamma(2 / shape) - std::lgamma(1 / shape) - std::lgamma(3 / shape)));
      }
      return made;
    }();
    auto found = std::lower_bound(ratios.begin(), ratios.end(), wanted);
    if (found == ratios.end() || (found != ratios.begin() && wanted - found[-1] < *found - wanted)) --found;
    return 0.2 + static_cast<double>(found - ratios.begin()) / 1000;
  }

  double count_ = 0, below_ = 0, above_ = 0, sum_ = 0, left_ = 0, right_ = 0;
};

/// Appends the 18 features of a square part; false where it has no texture.
bool add_features(const FloatImage& values, int left, int top, int side, Features& features, size_t& filled) {
  Moments own;
  for (int y = top; y < top + side; ++y)
    for (int x = left; x < left + side; ++x) own.add(static_cast<double>(values.at(x, y, 0)));
  const auto alone = own.fitted();
  if (!alone) return false;
  features[filled++] = alone->shape;
  features[filled++] = (alone->left + alone->right) / 2;
  // The neighbours to the left, above, and above on either side; beyond an edge the part goes on at the other
  // one.
  for (const auto& [dx, dy] : {std::pair(1, 0), std::pair(0, 1), std::pair(1, 1), std::pair(-1, 1)}) {
    Moments pairs;
    for (int y = 0; y < side; ++y)
      for (int x = 0; x < side; ++x)
        pairs.add(
            static_cast<double>(values.at(left + x, top + y, 0)) *
            static_cast<double>(values.at(left + (x + side - dx) % side, top + (y + side - dy) % side, 0)));
    const auto found = pairs.fitted();
    if (!found) return false;
    for (const double value : {found->shape, found->mean, found->left, found->right})
      features[filled++] = value;
  }
  return true;
}

struct Patches {
  std::vector<Features> features;
  std::vector<double> sharpness;  // the mean local deviation of each
};

Patches patches_of(const FloatImage& picture) {
  Patches result;
  const int across = picture.width / patch_side, down = picture.height / patch_side;
  if (across == 0 || down == 0) return result;
  const FloatImage gray = cut(luma(picture), 0, 0, across * patch_side, down * patch_side);
  const Normalised whole = normalise(gray), half = normalise(resize_bicubic(gray, 0.5, SampleType::f32));
  for (int v = 0; v < down; ++v)
    for (int u = 0; u < across; ++u) {
      const int left = u * patch_side, top = v * patch_side;
      Features features{};
      size_t filled = 0;
      if (!add_features(whole.values, left, top, patch_side, features, filled) ||
          !add_features(half.values, left / 2, top / 2, patch_side / 2, features, filled))
        continue;
      double sharpness = 0;
      for (int y = top; y < top + patch_side; ++y)
        for (int x = left; x < left + patch_side; ++x)
          sharpness += static_cast<double>(whole.deviation.at(x, y, 0));
      result.features.push_back(features);
      result.sharpness.push_back(sharpness);
    }
  return result;
}

NaturalStatistics statistics_of(const std::vector<Features>& patches) {
  NaturalStatistics result;
  for (const Features& features : patches)
    for (size_t i = 0; i < count; ++i) result.mean[i] += features[i] / static_cast<double>(patches.size());
  if (patches.size() < 2) return result;
  for (const Features& features : patches)
    for (size_t i = 0; i < count; ++i)
      for (size_t j = 0; j < count; ++j)
        result.covariance[i * count + j] += (features[i] - result.mean[i]) * (features[j] - result.mean[j]) /
                                            static_cast<double>(patches.size() - 1);
  return result;
}

/// v' A^-1 v for a symmetric positive A, by its Cholesky factor; what numerically is not positive gets a
/// little more.
double inverse_form(std::vector<double> a, std::vector<double> v) {
  double trace = 0;
  for (size_t i = 0; i < count; ++i) trace += a[i * count + i];
  const double least = 1e-12 * trace;
  double sum = 0;
  for (size_t j = 0; j < count; ++j) {
    for (size_t k = 0; k < j; ++k) {
      for (size_t i = j; i < count; ++i) a[i * count + j] -= a[i * count + k] * a[j * count + k];
      v[j] -= a[j * count + k] * v[k];
    }
    const double pivot = std::sqrt(std::max(a[j * count + j], least));
    for (size_t i = j; i < count; ++i) a[i * count + j] /= pivot;
    a[j * count + j] = pivot;
    v[j] /= pivot;
    sum += v[j] * v[j];
  }
  return sum;
}

}  // namespace

void NaturalnessFit::add(const FloatImage& photograph) {
  const Patches patches = patches_of(photograph);
  if (patches.features.empty()) return;
  const double sharp = 0.75 * *std::max_element(patches.sharpness.begin(), patches.sharpness.end());
  for (size_t i = 0; i < patches.features.size(); ++i)
    if (patches.sharpness[i] > sharp) features_.push_back(patches.features[i]);
}

NaturalStatistics NaturalnessFit::statistics() const {
  if (features_.size() <= count)
    throw Error(ErrorKind::bad_data, "", "sharp patches of 96x96 pixels in the photographs",
                "more than " + std::to_string(count), std::to_string(features_.size()));
  return statistics_of(features_);
}

NaturalStatistics read_natural_statistics(const std::string& file) {
  const StateDict state = read_weights(file);
  const auto values = [&](const char* name, size_t size) {
    const Tensor& tensor = state.at(name);
    if (tensor.values.size() != size)
      throw Error(ErrorKind::bad_data, file, "numbers in '" + std::string(name) + "'", std::to_string(size),
                  std::to_string(tensor.values.size()));
    return std::vector<double>(tensor.values.begin(), tensor.values.end());
  };
  return {values("mean", count), values("covariance", count * count)};
}

void write_natural_statistics(const NaturalStatistics& statistics, const std::string& file) {
  StateDict state{file, "safetensors", {}, {}};
  constexpr auto side = static_cast<int64_t>(count);
  const auto floats = [](const std::vector<double>& values) {
    return std::vector<float>(values.begin(), values.end());
  };
  state.add("mean", {{side}, floats(statistics.mean)});
  state.add("covariance", {{side, side}, floats(statistics.covariance)});
  write_safetensors(state, ElementType::f32, file);
}

const NaturalStatistics& usual_natural_statistics() {
  static const NaturalStatistics statistics = read_natural_statistics(natural_statistics_path);
  return statistics;
}

double naturalness(const FloatImage& picture, const NaturalStatistics& natural) {
  const Patches patches = patches_of(picture);
  if (patches.features.empty())
    throw Error(ErrorKind::invalid_argument, "", "a picture whose naturalness is measured",
                "at least 96x96 pixels with something in them",
                std::to_string(picture.width) + "x" + std::to_string(picture.height));
  const NaturalStatistics own = statistics_of(patches.features);
  std::vector<double> difference(count), covariance(count * count);
  for (size_t i = 0; i < count; ++i) difference[i] = own.mean[i] - natural.mean[i];
  for (size_t i = 0; i < covariance.size(); ++i)
    covariance[i] = (own.covariance[i] + natural.covariance[i]) / 2;
  return std::sqrt(inverse_form(std::move(covariance), std::move(difference)));
}

}  // namespace esrgan
