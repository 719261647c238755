// Faded pictures: each colour is stretched to the range it once had.
#pragma once

#include <memory>
#include <vector>

#include "image/rows.h"

namespace esrgan {

/// Of each colour the value that 0.5 % of the pixels are darker than, and the one that 0.5 % are brighter
/// than.
struct Levels {
  struct Ends {
    float black = 0, white = 1;
  };
  std::vector<Ends> colours;
};

/// Pixels that cannot be seen do not count. The source must allow random access.
Levels measure_levels(RowSource& source);

/// Brings black to 0 and white to 1 in each colour as far as `strength` (0 to 1) says; alpha stays. A picture
/// whose colours are equal keeps equal ones.
std::unique_ptr<RowSource> make_unfaded_source(std::unique_ptr<RowSource> source, Levels levels,
                                               float strength);

}  // namespace esrgan
