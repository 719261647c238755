#include "train/data/mixture.h"

#include <algorithm>
#include <cmath>

namespace esrgan::train {

Rectangle Rectangle::draw(int whole, double share, Random& random) {
  const int side = std::clamp(static_cast<int>(std::lround(whole * share)), 1, whole);
  const auto places = static_cast<uint64_t>(whole - side + 1);
  const int left = static_cast<int>(random.below(places)), top = static_cast<int>(random.below(places));
  return {left, top, side};
}

void Patch::blend(const float* from, double share, float* to) const {
  const auto kept = static_cast<float>(share);
  for (size_t i = 0; i < floats(); ++i) to[i] = kept * to[i] + (1 - kept) * from[i];
}

void Patch::copy_part(const float* from, const Rectangle& part, float* to) const {
  for (int c = 0; c < 3; ++c)
    for (int y = part.top; y < part.top + part.side; ++y) {
      const ptrdiff_t row = (static_cast<ptrdiff_t>(c) * side + y) * side + part.left;
      std::copy_n(from + row, part.side, to + row);
    }
}

void Patch::reduce_part(const float* large, int scale, const Rectangle& part, float* to) const {
  const ptrdiff_t wide = static_cast<ptrdiff_t>(side) * scale;
  for (int c = 0; c < 3; ++c)
    for (int y = part.top; y < part.top + part.side; ++y)
      for (int x = part.left; x < part.left + part.side; ++x) {
        float sum = 0;
        for (int dy = 0; dy < scale; ++dy)
          for (int dx = 0; dx < scale; ++dx)
            sum += large[(c * wide + static_cast<ptrdiff_t>(y) * scale + dy) * wide +
                         static_cast<ptrdiff_t>(x) * scale + dx];
        to[(static_cast<ptrdiff_t>(c) * side + y) * side + x] = sum / static_cast<float>(scale * scale);
      }
}

}  // namespace esrgan::train
