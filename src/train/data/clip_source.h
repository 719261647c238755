// Samples for networks that see several frames: patches of windows, with the large patch of the middle one.
#pragma once

#include <memory>
#include <vector>

#include "train/data/data_recipe.h"
#include "train/data/sample_source.h"

namespace esrgan::train {

/// "lr" is n x 3 frames x side x side, a window's frames one behind the other; "hr" n x 3 x side x side.
/// Clips are real ones, or made of a picture by moving over it: by whole pixels of the large one, which are
/// parts of the small one's.
class ClipSource : public SampleSource {
 public:
  /// Opens the clips. Throws Error when there is none.
  explicit ClipSource(const DataRecipe& recipe, int sharing = 1);
  ~ClipSource() override;

  Batch make(int64_t step, int first, int count) const override;
  size_t pictures() const override;
  uint64_t fingerprint() const override;

 private:
  class Source;
  class RealClips;
  class MovedPictures;

  DataRecipe recipe_;
  double total_weight_ = 0;
  std::vector<std::unique_ptr<Source>> sources_;
};

}  // namespace esrgan::train
