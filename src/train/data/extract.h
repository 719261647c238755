// Sub-images: large pictures cut up, so that a patch costs the decoding of little more than itself.
#pragma once

#include <filesystem>
#include <stop_token>
#include <vector>

namespace esrgan::train {

struct ExtractOptions {
  int size = 480, step = 240;  ///< side of a sub-image, and from one to the next; pixels
  int scale = 1;    ///< pictures are cropped to a multiple of it first, as load_pair() does with large ones
  int threads = 0;  ///< 0: one per processor
};

/// Where the sub-images of a side begin: every `step`, the last one flush to the edge. One at 0 when the side
/// is smaller.
std::vector<int> sub_image_places(int side, const ExtractOptions& options);

struct ExtractResult {
  size_t pictures = 0, sub_images = 0, skipped = 0, failed = 0;
};

/// Cuts every picture of a folder into FOLDER/NAME_s001.png, ...; a mark of the scale behind a number
/// ("0001x4") is dropped, so that small and large sub-images are called the same. What exists is skipped; a
/// picture that cannot be read is warned of and counted. Throws Error when the folders cannot be used or two
/// pictures are called the same, Cancelled when `stop` says so.
ExtractResult extract_sub_images(const std::filesystem::path& from, const std::filesystem::path& to,
                                 const ExtractOptions& options, const std::stop_token& stop);

}  // namespace esrgan::train
