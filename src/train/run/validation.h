// How good a generator is, measured with the engine that users will run it on.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "metrics/metrics.h"
#include "train/data/pictures.h"

namespace esrgan::train {

struct ValidationResult {
  std::string name;
  Quality ours, bicubic;         ///< means over the pictures, Y channel, borders of `scale` pixels cut
  std::filesystem::path sample;  ///< the picture that was written, or empty
  int sample_width = 0, sample_height = 0;
};

/// A set of pictures that is kept in memory.
class ValidationSet {
 public:
  /// `threads`: of the engine; 0 takes all processors.
  ValidationSet(const ValidationRecipe& recipe, int scale, int threads = 0);

  /// Enlarges every picture with the model of a file, in full precision. When `sample` is not empty, writes
  /// the first picture there: reduced, bicubic, ours and the original side by side.
  ValidationResult measure(const std::filesystem::path& model, const std::filesystem::path& sample) const;

 private:
  std::string name_;
  int scale_, threads_;
  std::vector<Pair> pairs_;
  Quality bicubic_;
};

}  // namespace esrgan::train
