#include "video/decoding_times.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace esrgan::video {

std::vector<int64_t> decoding_times(const std::vector<int64_t>& shown, int64_t tick) {
  std::vector<int64_t> sorted = shown;
  std::sort(sorted.begin(), sorted.end());
  ptrdiff_t delay = 0;
  for (size_t i = 0; i < shown.size(); ++i) {
    const auto rank = std::lower_bound(sorted.begin(), sorted.end(), shown[i]) - sorted.begin();
    delay = std::max(delay, static_cast<ptrdiff_t>(i) - rank);
  }
  const int64_t step = sorted.size() > 1 ? std::max<int64_t>(1, sorted[1] - sorted[0]) : tick;
  std::vector<int64_t> times(shown.size());
  for (ptrdiff_t i = 0; i < static_cast<ptrdiff_t>(shown.size()); ++i)
    times[static_cast<size_t>(i)] =
        i < delay ? sorted[0] - (delay - i) * step : sorted[static_cast<size_t>(i - delay)];
  return times;
}

std::vector<int64_t> durations(const std::vector<int64_t>& shown, int64_t last) {
  std::vector<size_t> order(shown.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return shown[a] < shown[b]; });
  std::vector<int64_t> result(shown.size());
  for (size_t i = 0; i < order.size(); ++i)
    result[order[i]] = i + 1 < order.size() ? shown[order[i + 1]] - shown[order[i]] : last;
  return result;
}

}  // namespace esrgan::video
