// The packed rows of a TIFF page, one after the other, whether they lie in strips or tiles.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "image/codecs/tiff_file.h"
#include "image/codecs/tiff_layout.h"

namespace esrgan {

class TiffRows {
 public:
  TiffRows() = default;
  TiffRows(const TiffRows&) = delete;
  TiffRows& operator=(const TiffRows&) = delete;
  TiffRows(TiffRows&&) = delete;
  TiffRows& operator=(TiffRows&&) = delete;
  virtual ~TiffRows() = default;

  /// Most bytes that are held; nothing is before the first row is asked for.
  virtual uint64_t memory() const = 0;
  /// Row `y`, of all channels, or of the channel `planes[plane]` when they are planar. Rows are asked for
  /// from top to bottom, all planes of one before the next.
  virtual const std::byte* row(int64_t y, size_t plane) = 0;
  /// Copies row `y` of a picture that is not planar.
  virtual void copy_row(int64_t y, std::byte* to) = 0;
};

/// `planes`: the channels that are wanted of a planar picture; of others all are delivered. A picture
/// `as_rgba` has three of 8 bits. The file stays in its directory as long as the rows live.
std::unique_ptr<TiffRows> tiff_rows(TiffFile& file, const TiffLayout& layout, const std::vector<int>& planes);

}  // namespace esrgan
