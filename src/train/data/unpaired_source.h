// Samples of two folders that have nothing to do with each other: large patches of the one, small patches of
// the other.
#pragma once

#include "train/data/patch_source.h"

namespace esrgan::train {

/// "hr" is n x 3 x side x side, of large pictures; "lr" n x 3 x (side / scale) squared, of small ones as they
/// are.
class UnpairedSource : public SampleSource {
 public:
  /// recipe.sources: first the large pictures', then the small ones'. Throws Error when there are none.
  explicit UnpairedSource(const DataRecipe& recipe, int sharing = 1);

  Batch make(int64_t step, int first, int count) const override;
  size_t pictures() const override { return large_.pictures() + small_.pictures(); }
  uint64_t fingerprint() const override;

 private:
  PatchSource large_, small_;
};

}  // namespace esrgan::train
