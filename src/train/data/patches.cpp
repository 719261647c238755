#include "train/data/patches.h"

#include <algorithm>
#include <cstdlib>

namespace esrgan::train {

std::pair<int, int> source_of(int x, int y, int width, int height, Turn turn) {
  if (turn.mirror_x) x = width - 1 - x;
  if (turn.mirror_y) y = height - 1 - y;
  return turn.transpose ? std::pair(y, x) : std::pair(x, y);
}

FloatImage turned(const FloatImage& picture, Turn turn) {
  FloatImage result(picture.width, picture.height, picture.channels);
  if (turn.transpose) std::swap(result.width, result.height);
  for (int y = 0; y < result.height; ++y)
    for (int x = 0; x < result.width; ++x) {
      const auto [sx, sy] = source_of(x, y, result.width, result.height, turn);
      for (int c = 0; c < picture.channels; ++c) result.at(x, y, c) = picture.at(sx, sy, c);
    }
  return result;
}

Around around(int begin, int side, int extent, Random& random) {
  constexpr int reach = 10, blocks = 16;  // chroma's blocks are of 16 pixels
  const int shift = static_cast<int>(random.below(blocks));
  const int before = std::min(begin, reach + shift);
  return {before, side, before + side + std::min(extent - begin - side, reach + blocks - 1 - shift)};
}

namespace {

/// Sum of the absolute differences of neighbours in a patch, green alone.
int64_t slopes(const PackedPicture& picture, int left, int top, int side) {
  const size_t stride = static_cast<size_t>(picture.width) * 3;
  int64_t sum = 0;
  for (int y = top; y + 1 < top + side; ++y) {
    const uint8_t* row = picture.samples.data() + static_cast<size_t>(y) * stride + 1;
    for (size_t x = static_cast<size_t>(left) * 3; x + 3 < static_cast<size_t>(left + side) * 3; x += 3)
      sum += std::abs(row[x + 3] - row[x]) + std::abs(row[x + stride] - row[x]);
  }
  return sum;
}

}  // namespace

std::pair<int, int> place(const PackedPicture& picture, int side, int tries, Random& random) {
  std::pair<int, int> best;
  int64_t most = -1;
  for (int i = 0; i < tries; ++i) {
    const auto left = static_cast<int>(random.below(static_cast<uint64_t>(picture.width - side + 1)));
    const auto top = static_cast<int>(random.below(static_cast<uint64_t>(picture.height - side + 1)));
    const int64_t found = tries > 1 ? slopes(picture, left, top, side) : 0;
    if (found > most) most = found, best = {left, top};
  }
  return best;
}

}  // namespace esrgan::train
