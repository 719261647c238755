// Pictures beside each other with their names, to compare them by eye.
#pragma once

#include <string>
#include <vector>

#include "image/float_image.h"

namespace esrgan {

/// One picture of a sheet, or the reason why there is none.
struct SheetTile {
  std::string title, note;  ///< two lines below the picture
  FloatImage picture;       ///< RGB
  std::string failure;      ///< written in its place, if not empty
};

/// An RGB picture: `reference` in the first column of every row, and beside it the others, up to
/// `most_in_row` in a row. All pictures have the size of the reference. Throws Error when the sheet would be
/// larger than a picture may be.
FloatImage draw_sheet(const SheetTile& reference, const std::vector<SheetTile>& others);

constexpr int most_in_row = 4;

}  // namespace esrgan
