#include "metrics/flicker.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "metrics/metrics.h"

namespace esrgan {
namespace {

constexpr int block = 16, reach = 16, most_different = 6;

/// Luma in levels of 255.
std::vector<float> levels_of(const FloatImage& picture) {
  std::vector<float> levels = luma(picture).pixels;
  for (float& level : levels) level *= 255;
  return levels;
}

struct Motion {
  int x = 0, y = 0, difference = 0;
};

/// Planes of luma, of one size.
class Matcher {
 public:
  Matcher(const std::vector<uint8_t>& now, const std::vector<uint8_t>& before, int width, int height)
      : now_(now), before_(before), width_(width), height_(height) {}

  /// Where the block at (left, top) was, the nearest of equals.
  Motion find(int left, int top) const {
    Motion best{0, 0, difference(left, top, 0, 0)};
    for (int y = -reach; y <= reach; ++y)
      for (int x = -reach; x <= reach; ++x) {
        if (left + x < 0 || top + y < 0 || left + x + block > width_ || top + y + block > height_) continue;
        const int found = difference(left, top, x, y);
        const bool nearer = std::abs(x) + std::abs(y) < std::abs(best.x) + std::abs(best.y);
        if (found < best.difference || (found == best.difference && nearer)) best = {x, y, found};
      }
    return best;
  }

 private:
  int difference(int left, int top, int x, int y) const {
    int sum = 0;
    for (int row = 0; row < block; ++row) {
      const uint8_t* const a = now_.data() + place(left, top + row);
      const uint8_t* const b = before_.data() + place(left + x, top + row + y);
      for (int i = 0; i < block; ++i) sum += std::abs(a[i] - b[i]);
    }
    return sum;
  }
  size_t place(int x, int y) const {
    return static_cast<size_t>(y) * static_cast<size_t>(width_) + static_cast<size_t>(x);
  }

  const std::vector<uint8_t>& now_;
  const std::vector<uint8_t>& before_;
  int width_, height_;
};

/// Of a block.
double squared_change(const std::vector<float>& now, const std::vector<float>& before, int width, int left,
                      int top, const Motion& motion) {
  double sum = 0;
  for (int y = top; y < top + block; ++y)
    for (int x = left; x < left + block; ++x) {
      const auto place = [&](int px, int py) {
        return static_cast<size_t>(py) * static_cast<size_t>(width) + static_cast<size_t>(px);
      };
      const auto change = static_cast<double>(now[place(x, y)] - before[place(x + motion.x, y + motion.y)]);
      sum += change * change;
    }
  return sum;
}

}  // namespace

std::optional<Flicker> FlickerMeter::next(const FloatImage& truth, const FloatImage& film) {
  std::vector<float> truth_now = levels_of(truth), film_now = levels_of(film);
  std::vector<uint8_t> now(truth_now.size());
  std::transform(truth_now.begin(), truth_now.end(), now.begin(),
                 [](float level) { return static_cast<uint8_t>(std::clamp(level, 0.0F, 255.0F) + 0.5F); });
  Flicker found;
  int64_t pixels = 0;
  if (before_.size() == now.size()) {
    const Matcher matcher(now, before_, truth.width, truth.height);
    for (int top = 0; top + block <= truth.height; top += block)
      for (int left = 0; left + block <= truth.width; left += block) {
        const Motion motion = matcher.find(left, top);
        if (motion.difference > most_different * block * block) continue;
        found.film += squared_change(film_now, film_before_, truth.width, left, top, motion);
        found.truth += squared_change(truth_now, truth_before_, truth.width, left, top, motion);
        pixels += int64_t{block} * block;
      }
  }
  before_ = std::move(now);
  truth_before_ = std::move(truth_now);
  film_before_ = std::move(film_now);
  if (pixels == 0) return {};
  found.film = std::sqrt(found.film / static_cast<double>(pixels));
  found.truth = std::sqrt(found.truth / static_cast<double>(pixels));
  found.share = static_cast<double>(pixels) / truth.width / truth.height;
  return found;
}

}  // namespace esrgan
