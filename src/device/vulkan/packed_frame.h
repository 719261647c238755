// A frame in memory that a GPU's shaders see.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "device/frame_format.h"

namespace esrgan::vulkan {

/// The planes behind each other, their rows on whole words of 32 bits; see frames.comp.
class PackedFrame {
 public:
  explicit PackedFrame(const FrameFormat& format);

  /// Where a plane, and each of its rows, begins.
  int32_t plane_at(size_t plane) const { return planes_[plane].at; }
  int32_t row_words(size_t plane) const { return planes_[plane].row_words; }
  int32_t words() const { return words_; }

  void pack(const FramePlanes& frame, uint32_t* words) const;
  void unpack(const uint32_t* words, const FramePlanes& frame) const;

 private:
  struct Plane {
    int32_t at, row_words;
    int rows;
    size_t row_bytes;
  };

  std::array<Plane, 3> planes_{};
  int32_t words_ = 0;
};

/// Whether a network's number of the frame is clearly not black; chroma is taken from the nearest sample.
bool is_bright(const FrameFormat& format, const FramePlanes& frame);

/// What frames.comp knows of a format: matrix and resampling.
struct FrameTables {
  std::vector<float> numbers;
  int32_t across, down;  ///< where these begin in `numbers`

  explicit FrameTables(const FrameFormat& format);
};

}  // namespace esrgan::vulkan
