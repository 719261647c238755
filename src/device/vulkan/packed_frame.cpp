#include "device/vulkan/packed_frame.h"

#include <cstring>

#include "device/reference/frames.h"

namespace esrgan::vulkan {

PackedFrame::PackedFrame(const FrameFormat& format) {
  for (size_t i = 0; i < planes_.size(); ++i) {
    const auto bytes = static_cast<size_t>(format.plane_width(i) * format.sample_bytes());
    const auto row_words = static_cast<int32_t>((bytes + sizeof(uint32_t) - 1) / sizeof(uint32_t));
    planes_[i] = {words_, row_words, format.plane_height(i), bytes};
    words_ += row_words * planes_[i].rows;
  }
}

void PackedFrame::pack(const FramePlanes& frame, uint32_t* words) const {
  for (size_t i = 0; i < planes_.size(); ++i)
    for (ptrdiff_t row = 0; row < planes_[i].rows; ++row)
      std::memcpy(words + planes_[i].at + row * planes_[i].row_words, frame.data[i] + row * frame.stride[i],
                  planes_[i].row_bytes);
}

void PackedFrame::unpack(const uint32_t* words, const FramePlanes& frame) const {
  for (size_t i = 0; i < planes_.size(); ++i)
    for (ptrdiff_t row = 0; row < planes_[i].rows; ++row)
      std::memcpy(frame.data[i] + row * frame.stride[i], words + planes_[i].at + row * planes_[i].row_words,
                  planes_[i].row_bytes);
}

bool is_bright(const FrameFormat& format, const FramePlanes& frame) {
  constexpr float dark = 1.0F / 16;
  const auto sample = [&](size_t plane, int x, int y) {
    return static_cast<float>(sample_of(format, frame, plane, x, y));
  };
  for (int y = 0; y < format.height; ++y)
    for (int x = 0; x < format.width; ++x) {
      const int chroma_x = x * format.chroma_width / format.width,
                chroma_y = y * format.chroma_height / format.height;
      const float first = sample(0, x, y), second = sample(1, chroma_x, chroma_y),
                  third = sample(2, chroma_x, chroma_y);
      for (const auto& row : format.matrix)
        if (row[0] * first + row[1] * second + row[2] * third + row[3] > dark) return true;
    }
  return false;
}

FrameTables::FrameTables(const FrameFormat& format) {
  const auto add = [&](const Resampling& resampling) {
    const auto at = static_cast<int32_t>(numbers.size());
    const auto count = static_cast<size_t>(resampling.count);
    for (size_t i = 0; i < resampling.first.size(); ++i) {
      numbers.push_back(static_cast<float>(resampling.first[i]));
      const auto factors = resampling.factors.begin() + static_cast<ptrdiff_t>(i * count);
      numbers.insert(numbers.end(), factors, factors + resampling.count);
    }
    return at;
  };
  for (const auto& row : format.matrix) numbers.insert(numbers.end(), row.begin(), row.end());
  across = add(format.across);
  down = add(format.down);
}

}  // namespace esrgan::vulkan
