#include "train/data/prefetcher.h"

#include <algorithm>
#include <utility>

namespace esrgan::train {

Prefetcher::Prefetcher(const SampleSource& source, int64_t step, int first, int count, int workers)
    : source_(source),
      first_(first),
      count_(count),
      ahead_(std::max(4, workers + 2)),
      wanted_(step),
      begun_(step) {
  for (int i = 0; i < workers; ++i) workers_.emplace_back([this] { work(); });
}

Prefetcher::~Prefetcher() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void Prefetcher::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stop_ || begun_ < wanted_ + ahead_; });
    if (stop_) return;
    const int64_t step = begun_++;
    lock.unlock();
    Result result;
    try {
      result.batch = source_.make(step, first_, count_);
    } catch (...) {
      result.failure = std::current_exception();
    }
    lock.lock();
    ready_.emplace(step, std::move(result));
    changed_.notify_all();
  }
}

Batch Prefetcher::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ready_.contains(wanted_); });
  Result result = std::move(ready_.extract(wanted_).mapped());
  ++wanted_;
  changed_.notify_all();
  if (result.failure) std::rethrow_exception(result.failure);
  return std::move(result.batch);
}

}  // namespace esrgan::train
