// Samples of several tasks: small pictures that are blurred and noisy, and how much they are so.
#pragma once

#include "model/tasks.h"
#include "train/data/patch_source.h"

namespace esrgan::train {

/// A small picture blurred by a Gaussian and with Gaussian noise, as strongly as the recipe has them at 1,
/// times the strengths; of 8 bits.
FloatImage damaged(FloatImage small, const TaskRecipe& recipe, const TaskStrengths& strengths,
                   Random& random);

/// "hr" as of patches; "lr" has beside the colours, 3, a map of one value for each strength; "restored" is
/// what the small picture was before. Each sample has each damage with the recipe's probability, in any
/// strength.
class TaskSource : public SampleSource {
 public:
  explicit TaskSource(const DataRecipe& recipe, int sharing = 1);

  Batch make(int64_t step, int first, int count) const override;
  size_t pictures() const override { return patches_.pictures(); }
  uint64_t fingerprint() const override { return patches_.fingerprint(); }

 private:
  DataRecipe recipe_;
  PatchSource patches_;  // larger, so that blur sees what lies around
};

}  // namespace esrgan::train
