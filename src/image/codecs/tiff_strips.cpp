#include "image/codecs/tiff_strips.h"

#include <esrgan/error.h>

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

namespace esrgan {
namespace {

static_assert(std::endian::native == std::endian::little,
              "TIFF files are written in the machine's byte order");

template <typename T>
void subtract_left(const std::byte* row, size_t samples, size_t channels, std::byte* to) {
  const size_t first = std::min(channels, samples) * sizeof(T);
  std::memcpy(to, row, first);
  for (size_t i = first; i < samples * sizeof(T); i += sizeof(T)) {
    T value, left;
    std::memcpy(&value, row + i, sizeof(T));
    std::memcpy(&left, row + i - first, sizeof(T));
    value = static_cast<T>(value - left);
    std::memcpy(to + i, &value, sizeof(T));
  }
}

/// Adobe's TIFF technical note 3: all first bytes of a row's floats, then all second ones and so on, the most
/// significant first; of these, differences.
void subtract_float_bytes(const std::byte* row, size_t samples, size_t channels, size_t size,
                          std::vector<std::byte>& planes, std::byte* to) {
  planes.resize(samples * size);
  for (size_t byte = 0; byte < size; ++byte) {
    std::byte* const plane = planes.data() + (size - 1 - byte) * samples;
    for (size_t i = 0; i < samples; ++i) plane[i] = row[i * size + byte];
  }
  subtract_left<uint8_t>(planes.data(), planes.size(), channels, to);
}

void subtract(const TiffStripFormat& format, const std::byte* row, std::vector<std::byte>& planes,
              std::byte* to) {
  const size_t size = size_of(format.type);
  if (format.predictor() == 3) {
    subtract_float_bytes(row, format.row_samples, format.channels, size, planes, to);
  } else if (size == 1) {
    subtract_left<uint8_t>(row, format.row_samples, format.channels, to);
  } else if (size == 2) {
    subtract_left<uint16_t>(row, format.row_samples, format.channels, to);
  } else {
    subtract_left<uint32_t>(row, format.row_samples, format.channels, to);
  }
}

}  // namespace

void compress_tiff_strip(const TiffStripFormat& format, std::span<const std::byte> rows,
                         std::vector<std::byte>& differences, std::vector<uint8_t>& to) {
  const size_t row_bytes = format.row_bytes();
  differences.resize(rows.size());
  std::vector<std::byte> planes;
  for (size_t at = 0; at + row_bytes <= rows.size(); at += row_bytes) {
    subtract(format, &rows[at], planes, &differences[at]);
  }
  auto size = static_cast<uLongf>(compressed_tiff_strip_bound(rows.size()));
  to.resize(size);
  const int result = compress2(to.data(), &size, reinterpret_cast<const Bytef*>(differences.data()),
                               static_cast<uLong>(differences.size()), format.level);
  if (result == Z_MEM_ERROR) throw std::bad_alloc();
  if (result != Z_OK)
    throw Error(ErrorKind::internal, "compression by zlib failed: " + std::to_string(result));
  to.resize(size);
}

uint64_t compressed_tiff_strip_bound(uint64_t bytes) {
  return compressBound(static_cast<uLong>(bytes));
}

}  // namespace esrgan
