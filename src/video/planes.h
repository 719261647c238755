// Conversion of planar pictures, row by row, by zimg: colour matrix, range, chroma sampling, depth, size.
#pragma once

#include <zimg.h>

#include <cstddef>
#include <functional>
#include <memory>

namespace esrgan::video {

/// Rows of one plane at which a conversion reads or writes: samples [begin, end) of row `row` are at
/// `samples`, counted from sample 0 of the row.
struct PlaneRow {
  int plane, row, begin, end;
  std::byte* samples;
};

/// One conversion between two formats, used for many pictures. Not thread-safe.
class PlaneConversion {
 public:
  /// Formats as in zimg.h, from initialised ones (see plane_format()). Throws Error naming what zimg cannot
  /// do.
  PlaneConversion(const zimg_image_format& from, const zimg_image_format& to);
  ~PlaneConversion();
  PlaneConversion(PlaneConversion&&) noexcept;
  PlaneConversion& operator=(PlaneConversion&&) noexcept;
  PlaneConversion(const PlaneConversion&) = delete;
  PlaneConversion& operator=(const PlaneConversion&) = delete;

  using RowFunction = std::function<void(const PlaneRow&)>;
  /// `load` fills the rows of the input, `store` takes those of the output, each row in one or more parts.
  void run(const RowFunction& load, const RowFunction& store);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A format with zimg's defaults and this size.
zimg_image_format plane_format(int width, int height);

}  // namespace esrgan::video
