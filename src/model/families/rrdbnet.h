// RRDBNet: ESRGAN, Real-ESRGAN, RealSR, BSRGAN (Wang et al. 2018, arXiv:1809.00219); ESRGAN+ too.
#pragma once

#include "model/family.h"

namespace esrgan {

/// How the grid is doubled.
enum class Upsampler {
  nearest,        ///< nearest neighbours, then a 3x3 convolution: the published one
  pixel_shuffle,  ///< a 3x3 convolution to four times the channels, then PixelShuffle
  transposed      ///< a transposed 4x4 convolution of stride 2
};

struct RrdbDetails : FamilyDetails {
  int growth = 32;  ///< channels that each convolution of a dense block adds
  Upsampler upsampler = Upsampler::nearest;
  bool learned_residual_scale = false;
  bool conv1x1 = false;  ///< ESRGAN+

  std::string summary() const override;
  std::map<std::string, int> numbers() const override { return {{"growth", growth}}; }
};

/// Of an architecture of this family.
const RrdbDetails& rrdb_details(const Architecture& architecture);

}  // namespace esrgan
