#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace esrgan {

int available_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

struct ThreadPool::State {
  std::mutex mutex;
  std::condition_variable start, finished;
  std::vector<std::thread> threads;
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

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  size_ = threads > 0 ? threads : available_processors();
  for (int worker = 1; worker < size_; ++worker)
    state_->threads.emplace_back([state = state_.get(), worker] { state->work(worker); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->start.notify_all();
  for (auto& thread : state_->threads) thread.join();
}

void ThreadPool::parallel_for(size_t count, const std::function<void(size_t, int)>& body) {
  if (size_ == 1 || count <= 1) {
    for (size_t index = 0; index < count; ++index) body(index, 0);
    return;
  }
  State& state = *state_;
  {
    const std::lock_guard lock(state.mutex);
    state.body = &body;
    state.count = count;
    state.next.store(0);
    state.failure = nullptr;
    state.busy = size_ - 1;
    ++state.generation;
  }
  state.start.notify_all();
  state.drain(0);
  std::unique_lock lock(state.mutex);
  state.finished.wait(lock, [&] { return state.busy == 0; });
  if (state.failure) std::rethrow_exception(state.failure);
}

}  // namespace esrgan
