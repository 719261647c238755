// Frames of films as a device takes and gives them, in place of a network's numbers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace esrgan {

/// A line of samples brought to another number of them: number i of the result is the sum of the `count`
/// samples from first[i] on, each times its factor, factors[i * count + 0, 1, ...].
struct Resampling {
  int count = 1;
  std::vector<int> first;
  std::vector<float> factors;
};

/// Three planes of whole numbers; those of the second and the third, of equal size, may be fewer: chroma.
/// Samples of more than 8 bits take two bytes, in the machine's order.
struct FrameFormat {
  int width = 0, height = 0;                ///< of the first plane
  int chroma_width = 0, chroma_height = 0;  ///< of the others
  int bits = 8;                             ///< of a sample, 1 to 16
  /// Of an input: each of the network's numbers (R, G, B) as the sum of three products of a pixel's samples,
  /// and a constant. Of an output the reverse; samples are rounded, and kept within their bits.
  std::array<std::array<float, 4>, 3> matrix{};
  /// Of an input: the samples of the second and third plane to the size of the first, before the matrix. Of
  /// an output: the pixels to their size, before the matrix.
  Resampling across, down;

  int sample_bytes() const { return bits > 8 ? 2 : 1; }
  int plane_width(size_t plane) const { return plane == 0 ? width : chroma_width; }
  int plane_height(size_t plane) const { return plane == 0 ? height : chroma_height; }
};

/// Of a network's both sides.
struct FrameFormats {
  FrameFormat in, out;
};

/// Where the planes of a frame lie; rows begin `stride` bytes after each other.
struct FramePlanes {
  std::array<std::byte*, 3> data{};
  std::array<ptrdiff_t, 3> stride{};
  bool operator==(const FramePlanes&) const = default;
};

}  // namespace esrgan
