#include "image/metadata/georeference.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/memory_source.h"

namespace esrgan {
namespace {

constexpr uint16_t pixel_scale_tag = 33550, tiepoint_tag = 33922, transformation_tag = 34264,
                   keys_tag = 34735;
constexpr uint16_t double_type = 12;

uint64_t number_at(std::span<const uint8_t> bytes, size_t at, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value |= uint64_t{bytes[at + i]} << (8 * i);
  return value;
}

/// None when there is no such entry, or it is of another type.
std::vector<double> doubles_of(const std::vector<ExifEntry>& entries, uint16_t tag) {
  std::vector<double> values;
  const ExifEntry* const entry = find_entry(entries, tag);
  if (entry == nullptr || entry->type != double_type) return values;
  for (size_t at = 0; at + 8 <= entry->value.size(); at += 8)
    values.push_back(std::bit_cast<double>(number_at(entry->value, at, 8)));
  return values;
}

void set_doubles(std::vector<ExifEntry>& entries, uint16_t tag, std::span<const double> values) {
  if (values.empty()) return;
  ExifEntry entry{tag, double_type, values.size(), 0, {}};
  for (const double value : values) {
    const auto bits = std::bit_cast<uint64_t>(value);
    for (unsigned shift = 0; shift < 64; shift += 8)
      entry.value.push_back(static_cast<uint8_t>(bits >> shift));
  }
  set_entry(entries, std::move(entry));
}

/// GTRasterTypeGeoKey: whether coordinates are those of pixels' centres instead of their corners.
bool is_pixel_is_point(const std::vector<ExifEntry>& entries) {
  constexpr uint64_t raster_type = 1025, point = 2;
  const ExifEntry* const keys = find_entry(entries, keys_tag);
  if (keys == nullptr) return false;
  for (size_t at = 8; at + 8 <= keys->value.size(); at += 8)  // key, place, count, value
    if (number_at(keys->value, at, 2) == raster_type) return number_at(keys->value, at + 6, 2) == point;
  return false;
}

/// Pixels and what they are on the ground, six numbers for a point: the pixels' numbers follow.
void scale_tiepoints(std::vector<double>& points, const std::vector<double>& pixel, double x, double y,
                     bool centres) {
  // The centre of the first new pixel, counted in old ones from the first old one's.
  const double first_x = (1 / x - 1) / 2, first_y = (1 / y - 1) / 2;
  if (centres && points.size() == 6 && points[0] == 0 && points[1] == 0 && pixel.size() >= 2) {
    points[3] += first_x * pixel[0];  // which all programs understand
    points[4] -= first_y * pixel[1];
    return;
  }
  for (size_t i = 0; i + 6 <= points.size(); i += 6) {
    points[i] = centres ? (points[i] - first_x) * x : points[i] * x;
    points[i + 1] = centres ? (points[i + 1] - first_y) * y : points[i + 1] * y;
  }
}

/// Rows of four: ground = matrix * (column, row, 0, 1).
void scale_transformation(std::vector<double>& matrix, double x, double y, bool centres) {
  if (matrix.size() != 16) return;
  for (size_t row = 0; row < 12; row += 4) {
    if (centres) matrix[row + 3] += matrix[row] * (1 / x - 1) / 2 + matrix[row + 1] * (1 / y - 1) / 2;
    matrix[row] /= x;
    matrix[row + 1] /= y;
  }
}

/// An EXIF block with its georeference for `x` by `y` pixels for each that there was; empty when it has none.
std::vector<uint8_t> scaled_block(const std::vector<uint8_t>& exif, double x, double y) {
  if (exif.empty() || (x == 1 && y == 1)) return {};
  std::optional<ExifTree> tree = read_exif_tree(MemorySource(std::span(exif)));
  if (!tree) return {};
  std::vector<ExifEntry>& entries = tree->image;
  std::vector<double> pixel = doubles_of(entries, pixel_scale_tag),
                      points = doubles_of(entries, tiepoint_tag),
                      matrix = doubles_of(entries, transformation_tag);
  if (pixel.empty() && points.empty() && matrix.empty()) return {};
  const bool centres = is_pixel_is_point(entries);
  scale_tiepoints(points, pixel, x, y, centres);
  scale_transformation(matrix, x, y, centres);
  if (pixel.size() >= 2) {
    pixel[0] /= x;
    pixel[1] /= y;
  }
  set_doubles(entries, pixel_scale_tag, pixel);
  set_doubles(entries, tiepoint_tag, points);
  set_doubles(entries, transformation_tag, matrix);
  return write_exif_block(*tree);
}

}  // namespace

bool is_georeferenced(const std::vector<ExifEntry>& entries) {
  return std::any_of(entries.begin(), entries.end(), [](const ExifEntry& entry) {
    return entry.tag == pixel_scale_tag || entry.tag == tiepoint_tag || entry.tag == transformation_tag ||
           entry.tag == keys_tag;
  });
}

std::optional<double> gdal_no_data(const std::vector<ExifEntry>& entries) {
  const ExifEntry* const entry = find_entry(entries, gdal_no_data_tag);
  if (entry == nullptr) return std::nullopt;
  std::string text(entry->value.begin(), entry->value.end());
  text.erase(0, text.find_first_not_of(" +"));
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return number;
}

void drop_gdal_no_data(std::vector<uint8_t>& exif) {
  if (exif.empty()) return;
  std::optional<ExifTree> tree = read_exif_tree(MemorySource(std::span(exif)));
  if (!tree) return;
  const auto is_it = [](const ExifEntry& entry) { return entry.tag == gdal_no_data_tag; };
  if (std::erase_if(tree->image, is_it) > 0) exif = write_exif_block(*tree);
}

ImageInfo with_size(ImageInfo info, int width, int height, double x, double y) {
  info.width = width;
  info.height = height;
  if (!info.metadata) return info;
  std::vector<uint8_t> exif = scaled_block(info.metadata->exif, x, y);
  if (exif.empty() && !info.metadata->is_measured()) return info;
  auto metadata = std::make_shared<ImageMetadata>(*info.metadata);
  if (!exif.empty()) metadata->exif = std::move(exif);
  metadata->enlarged_x *= x;
  metadata->enlarged_y *= y;
  info.metadata = std::move(metadata);
  return info;
}

}  // namespace esrgan
