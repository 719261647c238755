// How good a generator is, measured on pictures.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "train/data/pictures.h"
#include "train/run/metric.h"

namespace esrgan::train {

using Metrics = std::vector<std::shared_ptr<const Metric>>;
/// A picture, or the frames of a window, the middle one of which is to be enlarged.
using SmallFrames = std::vector<PackedPicture>;
/// Enlarges a picture; values in [0, 1], rounded to 8 bits. A network that sees several frames is given as
/// many, or one, which then stands for all.
using Upscale = std::function<FloatImage(const SmallFrames& small)>;
/// Makes what enlarges with the network told of these strengths.
using MakeUpscale = std::function<Upscale(const TaskStrengths& strengths)>;

struct ValidationResult {
  std::string name;
  std::vector<double> ours, bicubic;  ///< means over the pictures, one for each metric
  std::filesystem::path sample;       ///< the picture that was written, or empty
  int sample_width = 0, sample_height = 0;
};

/// A set of pictures that is kept in memory.
class ValidationSet {
 public:
  /// `frames`: that the network sees, of clips.
  ValidationSet(const ValidationRecipe& recipe, int scale, int frames, Metrics metrics);

  const std::string& name() const { return name_; }

  /// Enlarges every picture. `sample`, when it is not empty: the first picture is written there reduced,
  /// bicubic, ours and the original side by side. `folder`, likewise: all that were made are written there,
  /// with the names of the originals.
  ValidationResult measure(const MakeUpscale& network, const std::filesystem::path& sample,
                           const std::filesystem::path& folder) const;

 private:
  struct Picture {
    std::string name;
    PackedPicture original;
    SmallFrames small;

    const PackedPicture& middle() const { return small[small.size() / 2]; }
  };

  void add(Picture picture, bool published_bicubic);

  std::string name_;
  TaskStrengths strengths_;
  int scale_;
  Metrics metrics_;
  std::vector<Picture> pictures_;
  std::vector<double> bicubic_;
};

}  // namespace esrgan::train
