// How restless a film is that ought to be another one.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "image/float_image.h"

namespace esrgan {

/// From a frame to the next, in levels of 255.
struct Flicker {
  double film = 0;   ///< the change of luma along the motion: root of its mean square
  double truth = 0;  ///< the same of the true film
  double share = 0;  ///< of the area, where motion was found
};

/// The warping error (Lai et al. 2018, arXiv:1808.00449, section 3.4) by the motion of blocks: those of 16x16
/// pixels of the true film's luma are looked for in its frame before, up to 16 pixels away each way, by the
/// sum of absolute differences; where a block differs by more than 6 levels in the mean, as where something
/// comes into view, at cuts and in lights that change, it does not count. The film itself is compared along
/// the same motion.
class FlickerMeter {
 public:
  /// The next frame of both, of one size. None for the first, and where no motion was found.
  std::optional<Flicker> next(const FloatImage& truth, const FloatImage& film);

 private:
  std::vector<uint8_t> before_;
  std::vector<float> truth_before_, film_before_;
};

}  // namespace esrgan
