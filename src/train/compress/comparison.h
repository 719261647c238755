// A network before and after it became smaller, in one table.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/model.h"
#include "train/run/validation.h"

namespace esrgan::train {

struct Candidate {
  std::string name;  ///< "before", "after"
  uint64_t bytes = 0, parameters = 0;
  double macs = 0;                ///< for each pixel of the small picture
  std::optional<double> seconds;  ///< the engine's, for a picture of 256x256; none for what it does not run
  double psnr = 0, ssim = 0;      ///< Y, mean over the pictures
  FloatImage piece;               ///< what it makes of the middle of the first picture
};

struct Comparison {
  double bicubic_psnr = 0, bicubic_ssim = 0;
  FloatImage original, bicubic;  ///< the piece
  std::vector<Candidate> candidates;

  /// A line for each, beneath heads.
  std::string table() const;
  std::string json() const;
  /// The pieces side by side.
  void write_sheet(const std::string& file) const;
};

struct Compared {
  std::string name;
  const Model* model = nullptr;  ///< what is counted
  uint64_t bytes = 0;            ///< of its file
  std::string file;              ///< that the engine runs; empty where it does not
  Upscale upscale;               ///< that enlarges then
};

/// Each enlarges the pictures of a folder, reduced by the published bicubic. Throws Error when there is none.
Comparison compare_networks(const std::vector<Compared>& networks, const std::string& folder, int scale);

}  // namespace esrgan::train
