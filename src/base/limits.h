// Bounds on what a file may claim. Each is checked before memory is asked for, or arithmetic done, with the
// number.
#pragma once

#include <cstdint>

namespace esrgan::limits {

// Pictures.
constexpr int64_t picture_side = 1'000'000;                ///< pixels
constexpr int64_t picture_pixels = int64_t{1} << 36U;      ///< of one picture
constexpr int picture_bands = 4096;                        ///< channels of one that has bands
constexpr int64_t pictures_in_file = 100'000;              ///< pages or frames
constexpr uint64_t metadata_block = uint64_t{64} << 20U;   ///< bytes of a profile, of EXIF, XMP or a text
constexpr uint64_t metadata_total = uint64_t{256} << 20U;  ///< bytes of all blocks of a file
constexpr uint64_t piped_bytes = uint64_t{4} << 30U;       ///< of a picture that comes through a pipe
constexpr int exif_entries = 65'535;                       ///< of a directory, as its count has 16 bits

// Networks.
constexpr int channels = 16'384;                           ///< of a map
constexpr int kernel = 15;                                 ///< side of a convolution's
constexpr int scale = 64;                                  ///< enlargement along a side, within a network too
constexpr int layers = 100'000;                            ///< of a file
constexpr uint64_t weights_header = uint64_t{100} << 20U;  ///< bytes of a safetensors header
constexpr int64_t tensor_extent = int64_t{1} << 40U;       ///< of a shape, a stride, or a tensor's elements
constexpr size_t tensor_dimensions = 8;

}  // namespace esrgan::limits
