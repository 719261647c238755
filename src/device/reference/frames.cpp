#include "device/reference/frames.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace esrgan {
namespace {

std::byte* place_of(const FrameFormat& format, const FramePlanes& frame, size_t plane, int x, int y) {
  return frame.data[plane] + y * frame.stride[plane] + ptrdiff_t{x} * format.sample_bytes();
}

/// The sum that stands at (x, y) of what `at` gives at (column, row).
template <typename At>
double resampled(const FrameFormat& format, int x, int y, const At& at) {
  const Resampling &across = format.across, &down = format.down;
  const auto column = static_cast<size_t>(x), row = static_cast<size_t>(y);
  double sum = 0;
  for (int j = 0; j < down.count; ++j)
    for (int i = 0; i < across.count; ++i)
      sum +=
          static_cast<double>(down.factors[row * static_cast<size_t>(down.count) + static_cast<size_t>(j)]) *
          static_cast<double>(
              across.factors[column * static_cast<size_t>(across.count) + static_cast<size_t>(i)]) *
          at(across.first[column] + i, down.first[row] + j);
  return sum;
}

double times_row(const std::array<float, 4>& row, const std::array<double, 3>& numbers) {
  auto sum = static_cast<double>(row[3]);
  for (size_t i = 0; i < 3; ++i) sum += static_cast<double>(row[i]) * numbers[i];
  return sum;
}

template <typename Function>
void for_samples(const FrameFormat& format, const Function& function) {
  for (size_t plane = 0; plane < 3; ++plane)
    for (int y = 0; y < format.plane_height(plane); ++y)
      for (int x = 0; x < format.plane_width(plane); ++x) function(plane, x, y);
}

}  // namespace

int sample_of(const FrameFormat& format, const FramePlanes& frame, size_t plane, int x, int y) {
  const std::byte* const at = place_of(format, frame, plane, x, y);
  if (format.sample_bytes() == 1) return std::to_integer<int>(*at);
  uint16_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return value;
}

void set_sample(const FrameFormat& format, const FramePlanes& frame, size_t plane, int x, int y, int value) {
  std::byte* const at = place_of(format, frame, plane, x, y);
  const auto number = static_cast<uint16_t>(value);
  if (format.sample_bytes() == 1)
    *at = static_cast<std::byte>(number);
  else
    std::memcpy(at, &number, sizeof number);
}

std::vector<float> read_frame(const FrameFormat& format, const FramePlanes& frame) {
  std::vector<float> pixels;
  for (int y = 0; y < format.height; ++y)
    for (int x = 0; x < format.width; ++x) {
      const auto chroma = [&](size_t plane) {
        return resampled(format, x, y, [&](int column, int row) {
          return static_cast<double>(sample_of(format, frame, plane, column, row));
        });
      };
      const std::array<double, 3> samples = {static_cast<double>(sample_of(format, frame, 0, x, y)),
                                             chroma(1), chroma(2)};
      for (const auto& row : format.matrix) pixels.push_back(static_cast<float>(times_row(row, samples)));
    }
  return pixels;
}

void write_frame(const FrameFormat& format, const std::vector<float>& pixels, const FramePlanes& frame) {
  const auto number = [&](int x, int y, size_t c) {
    return static_cast<double>(
        pixels[(static_cast<size_t>(y) * static_cast<size_t>(format.width) + static_cast<size_t>(x)) * 3 +
               c]);
  };
  const double largest = (1 << format.bits) - 1;
  for_samples(format, [&](size_t plane, int x, int y) {
    std::array<double, 3> numbers{};
    for (size_t c = 0; c < 3; ++c)
      numbers[c] = plane == 0
                       ? number(x, y, c)
                       : resampled(format, x, y, [&](int column, int row) { return number(column, row, c); });
    const double value = std::clamp(times_row(format.matrix[plane], numbers), 0.0, largest);
    set_sample(format, frame, plane, x, y, static_cast<int>(std::lround(value)));
  });
}

int largest_distance(const FrameFormat& format, const FramePlanes& a, const FramePlanes& b) {
  int largest = 0;
  for_samples(format, [&](size_t plane, int x, int y) {
    largest =
        std::max(largest, std::abs(sample_of(format, a, plane, x, y) - sample_of(format, b, plane, x, y)));
  });
  return largest;
}

OwnFrame::OwnFrame(const FrameFormat& format) {
  constexpr int apart = 6;  // bytes
  for (size_t i = 0; i < memory_.size(); ++i) {
    const int stride = format.plane_width(i) * format.sample_bytes() + apart;
    memory_[i].resize(static_cast<size_t>(stride) * static_cast<size_t>(format.plane_height(i)));
    planes_.data[i] = memory_[i].data();
    planes_.stride[i] = stride;
  }
}

}  // namespace esrgan
