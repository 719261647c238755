#include "base/thread_pool.h"

#include <esrgan/error.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/platform_process.h"

namespace esrgan {

struct ThreadPool::State {
  std::mutex mutex;
  std::condition_variable start, finished;
  std::vector<std::thread> threads;
  ParallelRunner runner;
  bool stopping = false;
  size_t generation = 0;  // counts the loops that were started
  int busy = 0;           // workers still inside the current loop

  const std::function<void(size_t, int)>* body = nullptr;
  size_t count = 0;
  std::atomic<size_t> next{0};
  std::exception_ptr failure;

  void drain(int worker) {
    for (size_t index = next.fetch_add(1); index < count; index = next.fetch_add(1)) {
      try {
        (*body)(index, worker);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        next.store(count);
      }
    }
  }

  /// All threads drain the loop, this one as worker 0.
  void run_threads() {
    {
      const std::lock_guard lock(mutex);
      busy = static_cast<int>(threads.size());
      ++generation;
    }
    start.notify_all();
    drain(0);
    std::unique_lock lock(mutex);
    finished.wait(lock, [&] { return busy == 0; });
  }

  void stop() {
    {
      const std::lock_guard lock(mutex);
      stopping = true;
    }
    start.notify_all();
    for (std::thread& thread : threads) thread.join();
  }

  void work(int worker) {
    size_t seen = 0;
    for (;;) {
      {
        std::unique_lock lock(mutex);
        start.wait(lock, [&] { return stopping || generation != seen; });
        if (stopping) return;
        seen = generation;
      }
      drain(worker);
      const std::lock_guard lock(mutex);
      if (--busy == 0) finished.notify_one();
    }
  }
};

ThreadPool::ThreadPool(int threads, ParallelRunner runner) : state_(std::make_unique<State>()) {
  size_ = threads > 0 ? threads : available_processors();
  state_->runner = std::move(runner);
  if (state_->runner) return;
  try {
    for (int worker = 1; worker < size_; ++worker)
      state_->threads.emplace_back([state = state_.get(), worker] { state->work(worker); });
  } catch (const std::system_error& error) {
    const size_t made = state_->threads.size();
    state_->stop();
    throw Error(ErrorKind::out_of_resources, "", std::string("threads to work on (") + error.what() + ")",
                std::to_string(size_ - 1), std::to_string(made));
  }
}

ThreadPool::~ThreadPool() {
  state_->stop();
}

void ThreadPool::parallel_for(size_t count, const std::function<void(size_t, int)>& body) {
  if (size_ == 1 || count <= 1) {
    for (size_t index = 0; index < count; ++index) body(index, 0);
    return;
  }
  State& state = *state_;
  state.body = &body;
  state.count = count;
  state.next.store(0);
  state.failure = nullptr;
  if (state.runner)
    state.runner(size_, [&state](int worker) { state.drain(worker); });
  else
    state.run_threads();
  if (state.failure) std::rethrow_exception(state.failure);
}

}  // namespace esrgan
