// Conversion of planar pictures, row by row, by zimg: colour matrix, range, chroma sampling, depth, size.
#pragma once

#include <esrgan/video.h>
#include <zimg.h>

#include <array>
#include <cstddef>
#include <functional>
#include <memory>

namespace esrgan::video {

/// Where a conversion reads or writes: samples [begin, end) of row `row` of the planes first_plane to
/// first_plane + planes - 1, which have the same size; plane first_plane + i has them at samples[i], counted
/// from sample 0 of the row.
struct PlaneRows {
  int first_plane, planes, row, begin, end;
  std::array<std::byte*, 3> samples;
};

/// One conversion between two formats, used for many pictures. Not thread-safe.
class PlaneConversion {
 public:
  /// Formats as in zimg.h, from initialised ones (see plane_format()). Throws Error naming what zimg cannot
  /// do.
  PlaneConversion(const zimg_image_format& from, const zimg_image_format& to, Dither dither = Dither::none);
  ~PlaneConversion();
  PlaneConversion(PlaneConversion&&) noexcept;
  PlaneConversion& operator=(PlaneConversion&&) noexcept;
  PlaneConversion(const PlaneConversion&) = delete;
  PlaneConversion& operator=(const PlaneConversion&) = delete;

  using RowFunction = std::function<void(const PlaneRows&)>;
  /// `load` fills the rows of the input, `store` takes those of the output, each row in one or more parts:
  /// those of a part of the columns from the top down, then those of the next.
  void run(const RowFunction& load, const RowFunction& store);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A format with zimg's defaults and this size.
zimg_image_format plane_format(int width, int height);

}  // namespace esrgan::video
