// The header of a NIfTI file, of either version and byte order.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "image/codecs/codec.h"

namespace esrgan {

class NiftiHeader {
 public:
  /// `begin`: at least the first `largest` bytes of a file, or all of it. Throws Error naming the file.
  NiftiHeader(std::vector<uint8_t> begin, const std::string& file);

  static constexpr size_t largest = 540;

  /// How numbers are stored.
  enum class Kind { u8 = 2, i16 = 4, i32 = 8, f32 = 16, f64 = 64, rgb = 128, i8 = 256, u16 = 512, u32 = 768 };

  int width() const { return static_cast<int>(extents_[0]); }
  int height() const { return static_cast<int>(extents_[1]); }
  int slices() const { return static_cast<int>(slices_); }
  Kind kind() const { return kind_; }
  int channels() const { return kind_ == Kind::rgb ? 3 : 1; }
  /// Bytes of a number.
  size_t number_bytes() const;
  size_t row_bytes() const { return static_cast<size_t>(width() * channels()) * number_bytes(); }
  /// In which the numbers are handed on.
  SampleType type() const;
  bool swapped() const { return swapped_; }
  /// Whether it is of version 2.
  bool two() const { return two_; }
  /// Of the numbers, from the file's beginning.
  uint64_t offset() const { return offset_; }

  /// The header with a finer grid: `x` by `y` voxels for each within a slice. The outer corners stay where
  /// they are by all transforms of the header.
  void enlarge(double x, double y, int width, int height);
  const std::vector<uint8_t>& bytes() const { return bytes_; }

 private:
  double real(size_t at) const;
  void set_real(size_t at, double value);
  int64_t whole(size_t at, size_t size) const;
  void set_whole(size_t at, size_t size, int64_t value);
  uint64_t raw(size_t at, size_t size) const;
  void set_raw(size_t at, size_t size, uint64_t value);
  size_t place_of_extent(size_t dimension) const { return two_ ? 16 + 8 * dimension : 40 + 2 * dimension; }
  size_t place_of_step(size_t dimension) const { return two_ ? 104 + 8 * dimension : 76 + 4 * dimension; }
  void read_extents(const std::string& file);
  void move_quaternion(double across, double down);

  std::vector<uint8_t> bytes_;
  bool two_ = false, swapped_ = false;
  std::array<int64_t, 2> extents_{};
  int64_t slices_ = 1;
  Kind kind_ = Kind::i16;
  uint64_t offset_ = 0;
};

}  // namespace esrgan
