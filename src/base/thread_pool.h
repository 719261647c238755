// Worker threads for data-parallel loops.
#pragma once

#include <esrgan/parallel_runner.h>

#include <cstddef>
#include <functional>
#include <memory>

namespace esrgan {

/// A fixed set of worker threads, or a caller's own; the calling thread works too, so ThreadPool(1) starts
/// none.
class ThreadPool {
 public:
  /// threads = 0 takes one per processor that this process may use. With a runner no thread is made. Throws
  /// Error when a thread cannot be made.
  explicit ThreadPool(int threads = 0, ParallelRunner runner = {});
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ThreadPool(ThreadPool&&) = delete;
  ThreadPool& operator=(ThreadPool&&) = delete;

  int size() const { return size_; }

  /// Runs body(index, worker) for every index in [0, count), worker in [0, size()); returns when all are
  /// done. The first exception is thrown again here, and indices not yet started are dropped. Not
  /// re-entrant: a body must not call parallel_for of the same pool. With a runner bodies may not wait for
  /// one another.
  void parallel_for(size_t count, const std::function<void(size_t index, int worker)>& body);

 private:
  struct State;
  std::unique_ptr<State> state_;
  int size_ = 1;
};

}  // namespace esrgan
