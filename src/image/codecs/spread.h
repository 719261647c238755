// The range of measured numbers that a network is shown.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace esrgan {

/// Takes some of the numbers of a file, evenly, and tells where all but the outermost half of a per cent at
/// either end lie.
class Spread {
 public:
  /// `most`: numbers that are kept.
  explicit Spread(uint64_t numbers, uint64_t most = 1'000'000) : step_(numbers / most + 1) {}

  void add(double value) {
    if (count_++ % step_ == 0 && std::isfinite(value)) values_.push_back(value);
  }

  bool empty() const { return values_.empty(); }

  /// Least and largest; different even where all numbers are one.
  std::pair<double, double> ends() {
    if (values_.empty()) return {0, 1};
    constexpr double outside = 0.005;
    const auto place = [&](double share) {
      const auto nth =
          values_.begin() + static_cast<ptrdiff_t>(share * static_cast<double>(values_.size() - 1));
      std::nth_element(values_.begin(), nth, values_.end());
      return *nth;
    };
    std::pair ends{place(outside), place(1 - outside)};
    if (ends.first == ends.second) {
      const auto [least, largest] = std::minmax_element(values_.begin(), values_.end());
      ends = {*least, *largest > *least ? *largest : *least + 1};
    }
    return ends;
  }

 private:
  uint64_t step_, count_ = 0;
  std::vector<double> values_;
};

}  // namespace esrgan
