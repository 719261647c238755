// Where a GeoTIFF's pixels lie on the ground. Source: OGC 19-008r4 (GeoTIFF 1.1), annexes B and C.
#pragma once

#include <esrgan/image.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "image/metadata/exif_tree.h"
#include "image/metadata/metadata.h"

namespace esrgan {

/// Whether a TIFF's entries say where on the ground its pixels lie.
bool is_georeferenced(const std::vector<ExifEntry>& entries);

/// Of GDAL's TIFF driver.
constexpr uint16_t gdal_no_data_tag = 42113;
/// GDAL's number for pixels without data; NaN for itself.
std::optional<double> gdal_no_data(const std::vector<ExifEntry>& entries);

/// Takes it out of an EXIF block.
void drop_gdal_no_data(std::vector<uint8_t>& exif);

/// The same picture with other numbers of pixels, `x` by `y` for each that it had: its corners stay where
/// they are on the ground.
ImageInfo with_size(ImageInfo info, int width, int height, double x, double y);
inline ImageInfo with_size(ImageInfo info, int width, int height) {
  const double x = static_cast<double>(width) / info.width, y = static_cast<double>(height) / info.height;
  return with_size(std::move(info), width, height, x, y);
}

}  // namespace esrgan
