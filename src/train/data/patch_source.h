// Samples of the usual kind: patches of pictures, each with its small one.
#pragma once

#include <memory>
#include <vector>

#include "train/data/data_recipe.h"
#include "train/data/pictures.h"
#include "train/data/sample_source.h"

namespace esrgan::train {

/// Cuts the patches of any step. Each sample chooses its source by weight, and a picture of it. Every picture
/// of an only source is used once before one is used again, in an order that is shuffled anew each time.
class PatchSource : public SampleSource {
 public:
  /// `sharing`: processes that share the memory of this host.
  explicit PatchSource(const DataRecipe& recipe, int sharing = 1);
  ~PatchSource() override;

  Batch make(int64_t step, int first, int count) const override;
  size_t pictures() const override;
  uint64_t fingerprint() const override;
  /// Pictures that were found to be unusable so far.
  size_t skipped() const;

 private:
  struct Source;
  struct Sample;
  void cut(uint64_t position, Random& random, const Sample& sample) const;
  void mix(uint64_t position, Random& random, const Sample& sample) const;
  std::shared_ptr<const Pair> choose(const Source& source, uint64_t position) const;

  DataRecipe recipe_;
  double total_weight_ = 0;
  std::vector<std::unique_ptr<Source>> sources_;
};

}  // namespace esrgan::train
