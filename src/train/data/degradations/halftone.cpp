// Pictures as newspapers and magazines print them.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "train/data/degradations/operations.h"

namespace esrgan::train {
namespace {

constexpr double pi = std::numbers::pi;

/// Dots of ink on a grid: what is dark has large ones. Value and share of bare paper are the same.
class Screen {
 public:
  /// `edge`: how steep a dot's edge is; a step at about 8.
  explicit Screen(double edge) : edge_(edge) {
    constexpr int side = 48;
    std::array<double, side * side> cell{};
    for (size_t i = 0; i < cell.size(); ++i) {
      const size_t column = i % side, row = i / side;
      cell.at(i) = threshold(2 * pi * (static_cast<double>(column) + 0.5) / side,
                             2 * pi * (static_cast<double>(row) + 0.5) / side);
    }
    for (size_t i = 0; i < bare_.size(); ++i) {
      double sum = 0;
      for (const double there : cell) sum += paper(level_of(i), there);
      bare_.at(i) = sum / static_cast<double>(cell.size());
    }
  }

  /// The level that leaves this share of the paper bare.
  double level(double value) const {
    const auto* const above = std::lower_bound(bare_.begin(), bare_.end(), value);
    if (above == bare_.begin()) return level_of(0);
    if (above == bare_.end()) return level_of(bare_.size() - 1);
    const auto i = static_cast<size_t>(above - bare_.begin());
    const double step = bare_.at(i) - bare_.at(i - 1);
    const double part = step > 0 ? (value - bare_.at(i - 1)) / step : 0;
    return level_of(i - 1) + part * (level_of(i) - level_of(i - 1));
  }

  double paper(double level, double threshold) const {
    return std::clamp(0.5 + edge_ * (level - threshold), 0.0, 1.0);
  }

  /// In [0, 1], for a place in the grid in radians.
  static double threshold(double u, double v) { return 0.5 + 0.25 * (std::cos(u) + std::cos(v)); }

 private:
  /// Somewhat beyond 0 and 1, so that black and white are reached.
  double level_of(size_t i) const {
    const double beyond = 0.5 / edge_;
    return -beyond + (1 + 2 * beyond) * static_cast<double>(i) / static_cast<double>(bare_.size() - 1);
  }

  double edge_;
  std::array<double, 257> bare_{};
};

class Halftone : public Degradation {
 public:
  Halftone(const Range& period, const Range& strength) : period_(period), strength_(strength) {}

  void apply(FloatImage& picture, const DegradationGoal& /*goal*/, Random& random) const override {
    const double period = period_.draw(random), strength = strength_.draw(random);
    const Screen screen(random.uniform(1.5, 6));
    const double tilt = random.uniform(-pi / 4, pi / 4), shift = random.uniform(0, 2 * pi);
    // Inks have grids of their own (ISO 12647: 15, 75 and 0 degrees); where all colours are alike, one
    // serves.
    constexpr std::array<double, 3> of_inks{15 * pi / 180, 75 * pi / 180, 0};
    const bool gray = is_gray(picture);
    for (int c = 0; c < 3; ++c) {
      const double angle = tilt + (gray ? pi / 4 : of_inks.at(static_cast<size_t>(c)));
      const double across = std::cos(angle) * 2 * pi / period, down = std::sin(angle) * 2 * pi / period;
      for (int y = 0; y < picture.height; ++y)
        for (int x = 0; x < picture.width; ++x) {
          float& value = picture.at(x, y, c);
          const double wanted = std::clamp(static_cast<double>(value), 0.0, 1.0);
          const double there = Screen::threshold(across * x + down * y + shift, across * y - down * x);
          value += static_cast<float>(strength * (screen.paper(screen.level(wanted), there) - wanted));
        }
    }
    clamp_to_range(picture);
  }

 private:
  static bool is_gray(const FloatImage& picture) {
    for (size_t i = 0; i < picture.pixels.size(); i += 3)
      if (picture.pixels[i] != picture.pixels[i + 1] || picture.pixels[i] != picture.pixels[i + 2])
        return false;
    return true;
  }

  Range period_, strength_;
};

}  // namespace

Operation read_halftone(Settings& settings) {
  const Range period = read_range(settings, "period", {4, 14}, 2, 100),
              strength = read_range(settings, "strength", {0.2, 1}, 0, 1);
  return std::make_unique<Halftone>(period, strength);
}

}  // namespace esrgan::train
