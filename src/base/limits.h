// Bounds on what a file may claim. Each is checked before memory is asked for, or arithmetic done, with the
// number.
#pragma once

#include <cstdint>

namespace esrgan::limits {

// Pictures.
constexpr int64_t picture_side = 1'000'000;                ///< pixels
constexpr int64_t picture_pixels = int64_t{1} << 36U;      ///< of one picture
constexpr int64_t pictures_in_file = 100'000;              ///< pages or frames
constexpr uint64_t metadata_block = uint64_t{64} << 20U;   ///< bytes of a profile, of EXIF, XMP or a text
constexpr uint64_t metadata_total = uint64_t{256} << 20U;  ///< bytes of all blocks of a file
constexpr uint64_t piped_bytes = uint64_t{4} << 30U;       ///< of a picture that comes through a pipe
constexpr int exif_entries = 65'535;                       ///< of a directory, as its count has 16 bits

}  // namespace esrgan::limits
