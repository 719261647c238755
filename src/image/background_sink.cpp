#include "image/background_sink.h"

#include <algorithm>
#include <utility>

namespace esrgan {

BackgroundSink::BackgroundSink(std::unique_ptr<RowSink> sink, size_t row_samples, size_t capacity)
    : sink_(std::move(sink)), row_samples_(row_samples), capacity_(capacity), thread_([this] { work(); }) {}

BackgroundSink::~BackgroundSink() {
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void BackgroundSink::write(const float* rows, int count) {
  constexpr size_t parts = 4;  // of the capacity, so that one can be filled while another is written
  const size_t row_bytes = row_samples_ * sizeof(float);
  const auto most = static_cast<int>(std::max<size_t>(1, capacity_ / parts / row_bytes));
  while (count > 0) {
    const int taken = std::min(count, most);
    const size_t bytes = row_bytes * static_cast<size_t>(taken);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return failure_ || waiting_.empty() || waiting_bytes_ + bytes <= capacity_; });
    if (failure_) std::rethrow_exception(failure_);
    waiting_bytes_ += bytes;
    lock.unlock();
    std::vector<float> copy(rows, rows + row_samples_ * static_cast<size_t>(taken));
    lock.lock();
    waiting_.push_back(std::move(copy));
    lock.unlock();
    changed_.notify_all();
    rows += row_samples_ * static_cast<size_t>(taken);
    count -= taken;
  }
}

void BackgroundSink::end() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
}

bool BackgroundSink::settled() const {
  const std::lock_guard lock(mutex_);
  return settled_;
}

void BackgroundSink::finish() {
  end();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return settled_; });
  if (failure_) std::rethrow_exception(failure_);
}

void BackgroundSink::work() {
  std::unique_lock lock(mutex_);
  try {
    for (;;) {
      changed_.wait(lock, [&] { return abandoned_ || ended_ || !waiting_.empty(); });
      if (abandoned_) break;
      const bool last = waiting_.empty();
      std::vector<float> rows;
      if (!last) rows.swap(waiting_.front());
      lock.unlock();
      if (last)
        sink_->finish();
      else
        sink_->write(rows.data(), static_cast<int>(rows.size() / row_samples_));
      lock.lock();
      if (last) break;
      waiting_.pop_front();
      waiting_bytes_ -= rows.size() * sizeof(float);
      changed_.notify_all();
    }
  } catch (...) {
    lock.lock();
    failure_ = std::current_exception();
  }
  settled_ = true;
  lock.unlock();
  changed_.notify_all();
}

}  // namespace esrgan
