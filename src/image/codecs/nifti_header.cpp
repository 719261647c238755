#include "image/codecs/nifti_header.h"

#include <esrgan/error.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/limits.h"
#include "base/text.h"

namespace esrgan {
namespace {

constexpr size_t bytes_of_one = 348, bytes_of_two = 540;

uint32_t swapped_number(uint32_t value) {
  return (value >> 24U) | (value >> 8U & 0xFF00U) | (value << 8U & 0xFF0000U) | (value << 24U);
}

}  // namespace

NiftiHeader::NiftiHeader(std::vector<uint8_t> begin, const std::string& file) : bytes_(std::move(begin)) {
  uint32_t size = 0;
  if (bytes_.size() >= sizeof size) std::memcpy(&size, bytes_.data(), sizeof size);
  swapped_ = size == swapped_number(bytes_of_one) || size == swapped_number(bytes_of_two);
  if (swapped_) size = swapped_number(size);
  two_ = size == bytes_of_two;
  if ((size != bytes_of_one && !two_) || bytes_.size() < size)
    throw Error(ErrorKind::bad_data, file, "is no NIfTI file");
  const std::string_view magic(reinterpret_cast<const char*>(bytes_.data()) + (two_ ? 4 : 344), 3);
  if (magic == "ni1" || magic == "ni2")
    throw Error(ErrorKind::unsupported, file, "its numbers lie in another file (.img)", "a single .nii file",
                "");
  if (magic != (two_ ? "n+2" : "n+1")) throw Error(ErrorKind::bad_data, file, "is no NIfTI file");
  const auto code = whole(two_ ? 12 : 70, 2);
  constexpr std::array known{Kind::u8,  Kind::i16, Kind::i32, Kind::f32, Kind::f64,
                             Kind::rgb, Kind::i8,  Kind::u16, Kind::u32};
  const auto* found =
      std::find_if(known.begin(), known.end(), [&](Kind kind) { return static_cast<int64_t>(kind) == code; });
  if (found == known.end())
    throw Error(ErrorKind::unsupported, file, "type of its numbers",
                "whole ones of up to 32 bits, float32, float64 or RGB24", "datatype " + std::to_string(code));
  kind_ = *found;
  read_extents(file);
  const double at = two_ ? static_cast<double>(whole(168, 8)) : real(108);
  if (!(at >= static_cast<double>(size)) || at > static_cast<double>(limits::metadata_total))
    throw Error(ErrorKind::bad_data, file, "place of its numbers", "behind the header", text_of(at));
  offset_ = static_cast<uint64_t>(at);
}

void NiftiHeader::read_extents(const std::string& file) {
  const size_t size = two_ ? 8 : 2;
  const int64_t dimensions = whole(place_of_extent(0), size);
  if (dimensions < 1 || dimensions > 7)
    throw Error(ErrorKind::bad_data, file, "number of its dimensions", "1 to 7", std::to_string(dimensions));
  std::array<int64_t, 8> extents{};
  extents.fill(1);
  for (int64_t d = 1; d <= dimensions; ++d) {
    extents.at(static_cast<size_t>(d)) = whole(place_of_extent(static_cast<size_t>(d)), size);
    if (extents.at(static_cast<size_t>(d)) < 1)
      throw Error(ErrorKind::bad_data, file, "size of its grid", "at least 1 each way",
                  std::to_string(extents.at(static_cast<size_t>(d))));
  }
  for (size_t d = 3; d < extents.size(); ++d) {
    if (extents.at(d) > limits::pictures_in_file / slices_)
      throw Error(ErrorKind::unsupported, file, "number of its slices",
                  "at most " + std::to_string(limits::pictures_in_file), "more");
    slices_ *= extents.at(d);
  }
  if (extents[1] > limits::picture_side || extents[2] > limits::picture_side)
    throw Error(ErrorKind::unsupported, file, "size of its slices",
                "at most " + std::to_string(limits::picture_side) + " each way",
                std::to_string(extents[1]) + "x" + std::to_string(extents[2]));
  extents_ = {extents[1], extents[2]};
}

size_t NiftiHeader::number_bytes() const {
  switch (kind_) {
    case Kind::u8:
    case Kind::i8:
    case Kind::rgb:
      return 1;
    case Kind::i16:
    case Kind::u16:
      return 2;
    case Kind::f64:
      return 8;
    default:
      return 4;
  }
}

SampleType NiftiHeader::type() const {
  switch (kind_) {
    case Kind::rgb:
      return SampleType::u8;
    case Kind::u8:
    case Kind::i8:
    case Kind::i16:
      return SampleType::i16;
    case Kind::u16:
    case Kind::i32:
      return SampleType::i32;
    case Kind::u32:
      return SampleType::u32;
    default:
      return SampleType::f32;
  }
}

uint64_t NiftiHeader::raw(size_t at, size_t size) const {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) {
    const bool little = (std::endian::native == std::endian::little) != swapped_;
    value |= uint64_t{bytes_[at + i]} << (8 * (little ? i : size - 1 - i));
  }
  return value;
}

void NiftiHeader::set_raw(size_t at, size_t size, uint64_t value) {
  for (size_t i = 0; i < size; ++i) {
    const bool little = (std::endian::native == std::endian::little) != swapped_;
    bytes_[at + i] = static_cast<uint8_t>(value >> (8 * (little ? i : size - 1 - i)));
  }
}

int64_t NiftiHeader::whole(size_t at, size_t size) const {
  const uint64_t value = raw(at, size);
  const auto unused = static_cast<unsigned>(64 - 8 * size);
  return static_cast<int64_t>(value << unused) >> unused;
}

void NiftiHeader::set_whole(size_t at, size_t size, int64_t value) {
  set_raw(at, size, static_cast<uint64_t>(value));
}

double NiftiHeader::real(size_t at) const {
  if (two_) return std::bit_cast<double>(raw(at, 8));
  return static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(raw(at, 4))));
}

void NiftiHeader::set_real(size_t at, double value) {
  if (two_)
    set_raw(at, 8, std::bit_cast<uint64_t>(value));
  else
    set_raw(at, 4, std::bit_cast<uint32_t>(static_cast<float>(value)));
}

void NiftiHeader::enlarge(double x, double y, int width, int height) {
  // Of the first new voxel's centre, in old voxels.
  const double across = (1 / x - 1) / 2, down = (1 / y - 1) / 2;
  const size_t number = two_ ? 8 : 4, affine = two_ ? 400 : 280;
  move_quaternion(across, down);
  for (size_t row = 0; row < 3; ++row) {
    const size_t at = affine + row * 4 * number;
    const double i = real(at), j = real(at + number), shift = real(at + 3 * number);
    set_real(at + 3 * number, shift + i * across + j * down);
    set_real(at, i / x);
    set_real(at + number, j / y);
  }
  const std::array<double, 2> finer{x, y};
  const std::array<int, 2> extents{width, height};
  for (size_t d = 0; d < 2; ++d) {
    set_real(place_of_step(d + 1), real(place_of_step(d + 1)) / finer.at(d));
    set_whole(place_of_extent(d + 1), two_ ? 8 : 2, extents.at(d));
    extents_.at(d) = extents.at(d);
  }
}

/// Method 2 of nifti1.h: a rotation by a quaternion, steps and an offset.
void NiftiHeader::move_quaternion(double across, double down) {
  const size_t number = two_ ? 8 : 4, at = two_ ? 352 : 256;
  const double b = real(at), c = real(at + number), d = real(at + 2 * number);
  const double a = std::sqrt(std::max(0.0, 1 - b * b - c * c - d * d));
  const std::array<double, 3> i{a * a + b * b - c * c - d * d, 2 * (b * c + a * d), 2 * (b * d - a * c)},
      j{2 * (b * c - a * d), a * a + c * c - b * b - d * d, 2 * (c * d + a * b)};
  const double step_i = real(place_of_step(1)), step_j = real(place_of_step(2));
  for (size_t axis = 0; axis < 3; ++axis) {
    const size_t offset = at + (3 + axis) * number;
    set_real(offset, real(offset) + i.at(axis) * step_i * across + j.at(axis) * step_j * down);
  }
}

}  // namespace esrgan
