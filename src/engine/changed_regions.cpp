#include "engine/changed_regions.h"

#include <algorithm>
#include <cstring>

namespace esrgan {
namespace {

constexpr int block = 16;  // pixels

class Regions {
 public:
  Regions(int width, int height, int margin)
      : width_(width),
        height_(height),
        margin_(margin),
        across_((width + block - 1) / block),
        down_((height + block - 1) / block),
        changed_(static_cast<size_t>(across_) * static_cast<size_t>(down_)) {}

  void compare(const std::vector<float>& before, const std::vector<float>& now, int channels) {
    const auto row_samples = static_cast<size_t>(width_) * static_cast<size_t>(channels);
    const auto block_samples = static_cast<size_t>(block) * static_cast<size_t>(channels);
    for (int y = 0; y < height_; ++y) {
      const float* a = before.data() + static_cast<size_t>(y) * row_samples;
      const float* b = now.data() + static_cast<size_t>(y) * row_samples;
      if (std::memcmp(a, b, row_samples * sizeof(float)) == 0) continue;
      for (int column = 0; column < across_; ++column) {
        const size_t begin = static_cast<size_t>(column) * block_samples,
                     count = std::min(block_samples, row_samples - begin);
        if (std::memcmp(a + begin, b + begin, count * sizeof(float)) != 0) at(column, y / block) = 1;
      }
    }
  }

  std::vector<Rectangle> cut() {
    add({0, 0, across_, down_});
    return std::move(result_);
  }

 private:
  char& at(int x, int y) {
    return changed_[static_cast<size_t>(y) * static_cast<size_t>(across_) + static_cast<size_t>(x)];
  }
  bool column_changed(int x, const Rectangle& in) {
    for (int y = in.top; y < in.bottom; ++y)
      if (at(x, y) != 0) return true;
    return false;
  }
  bool row_changed(int y, const Rectangle& in) {
    for (int x = in.left; x < in.right; ++x)
      if (at(x, y) != 0) return true;
    return false;
  }

  /// Without the blocks at the edges in which nothing changed. In blocks, as all rectangles here.
  Rectangle shrunk(Rectangle in) {
    while (in.left < in.right && !column_changed(in.left, in)) ++in.left;
    while (in.left < in.right && !column_changed(in.right - 1, in)) --in.right;
    while (in.top < in.bottom && !row_changed(in.top, in)) ++in.top;
    while (in.top < in.bottom && !row_changed(in.bottom - 1, in)) --in.bottom;
    return in;
  }

  Rectangle pixels(const Rectangle& in) const {
    return {in.left * block, in.top * block, std::min(width_, in.right * block),
            std::min(height_, in.bottom * block)};
  }
  double cost(const Rectangle& in) const { return pixels(in).grown(margin_, 1, width_, height_).area(); }

  struct Gap {
    int middle = 0, length = 0;
  };
  template <typename Changed>
  static Gap longest_gap(int begin, int end, const Changed& changed) {
    Gap longest;
    for (int i = begin, length = 0; i < end; ++i) {
      length = changed(i) ? 0 : length + 1;
      if (length > longest.length) longest = {i + 1 - length / 2, length};
    }
    return longest;
  }

  void add(const Rectangle& candidate) {
    const Rectangle box = shrunk(candidate);
    if (box.area() == 0) return;
    // Two halves, parted by the middle of the longest stretch without a change, if that is less work.
    const Gap columns = longest_gap(box.left, box.right, [&](int x) { return column_changed(x, box); });
    const Gap rows = longest_gap(box.top, box.bottom, [&](int y) { return row_changed(y, box); });
    Rectangle first = box, second = box;
    if (columns.length >= rows.length)
      first.right = second.left = columns.middle;
    else
      first.bottom = second.top = rows.middle;
    if (std::max(columns.length, rows.length) > 0 && cost(shrunk(first)) + cost(shrunk(second)) < cost(box)) {
      add(first);
      add(second);
    } else {
      result_.push_back(pixels(box));
    }
  }

  int width_, height_, margin_, across_, down_;
  std::vector<char> changed_;  // of each block
  std::vector<Rectangle> result_;
};

}  // namespace

Rectangle Rectangle::grown(int margin, int multiple, int width, int height) const {
  const auto down = [&](int value) { return std::max(0, value) / multiple * multiple; };
  const auto up = [&](int value, int limit) {
    return std::min(limit, (value + multiple - 1) / multiple * multiple);
  };
  return {down(left - margin), down(top - margin), up(right + margin, width), up(bottom + margin, height)};
}

std::vector<Rectangle> changed_regions(const std::vector<float>& before, const std::vector<float>& now,
                                       int width, int height, int channels, int margin) {
  Regions regions(width, height, margin);
  regions.compare(before, now, channels);
  return regions.cut();
}

}  // namespace esrgan
