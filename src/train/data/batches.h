// Batches of patches, each a function of seed and step, made ahead of their use.
#pragma once

#include <condition_variable>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "train/data/pictures.h"

namespace esrgan::train {

/// Patches in [0, 1], as count x 3 x side x side.
struct Batch {
  int count = 0, hr_size = 0, lr_size = 0;
  std::vector<float> hr, lr;
  std::vector<float>
      sharp;  ///< the large patches sharpened, for pixel and perceptual losses; empty: hr itself
};

/// Cuts the patches of any step. Every picture is used once before one is used again, in an order that is
/// shuffled anew each time; with several sources each sample first chooses its source by weight.
class BatchMaker {
 public:
  /// `sharing`: processes that share the memory of this host.
  BatchMaker(const DataRecipe& recipe, int scale, uint64_t seed, int sharing = 1);
  ~BatchMaker();
  BatchMaker(const BatchMaker&) = delete;
  BatchMaker& operator=(const BatchMaker&) = delete;
  BatchMaker(BatchMaker&&) = delete;
  BatchMaker& operator=(BatchMaker&&) = delete;

  /// Samples [first, first + count) of the batch of `step`. Safe to use from many threads. Throws Error when
  /// no picture can be used.
  Batch make(int64_t step, int first, int count) const;

  size_t pictures() const;
  /// Of the pictures' names and order: patches are functions of it, too.
  uint64_t fingerprint() const;
  size_t skipped() const;

 private:
  struct Source;
  void cut(int64_t step, int sample, float* hr, float* lr, float* sharp) const;
  std::shared_ptr<const Pair> choose(const Source& source, uint64_t position) const;

  DataRecipe recipe_;
  int scale_;
  uint64_t seed_;
  double total_weight_ = 0;
  std::vector<std::unique_ptr<Source>> sources_;
};

/// Delivers the batches of consecutive steps, which worker threads make a few steps ahead.
class Prefetcher {
 public:
  /// `first` and `count` choose this process's samples of each batch.
  Prefetcher(const BatchMaker& maker, int64_t step, int first, int count, int workers);
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;
  Prefetcher(Prefetcher&&) = delete;
  Prefetcher& operator=(Prefetcher&&) = delete;

  /// The batch of the next step; rethrows what went wrong while it was made.
  Batch next();

 private:
  struct Result {
    Batch batch;
    std::exception_ptr failure;
  };

  void work();

  const BatchMaker& maker_;
  int first_, count_;
  int64_t ahead_;           // batches at work or ready at a time
  int64_t wanted_, begun_;  // the step that next() gives; the step that a worker takes up next
  bool stop_ = false;
  std::map<int64_t, Result> ready_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::thread> workers_;
};

}  // namespace esrgan::train
