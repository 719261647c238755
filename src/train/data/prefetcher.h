// Batches made ahead of their use.
#pragma once

#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "train/data/sample_source.h"

namespace esrgan::train {

/// Delivers the batches of consecutive steps, which worker threads make a few steps ahead.
class Prefetcher {
 public:
  /// `first` and `count` choose this process's samples of each batch. `source` must outlive this.
  Prefetcher(const SampleSource& source, int64_t step, int first, int count, int workers);
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

  const SampleSource& source_;
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
