#include "image/background_sink.h"

#include <algorithm>
#include <utility>

namespace esrgan {

BackgroundSink::BackgroundSink(std::unique_ptr<RowSink> sink, size_t row_samples, size_t capacity)
    : sink_(std::move(sink)),
      row_samples_(row_samples),
      capacity_(std::max<size_t>(1, capacity / (row_samples * sizeof(float)))),
      ring_(std::make_unique_for_overwrite<float[]>(capacity_ * row_samples)),
      thread_([this] { work(); }) {}

BackgroundSink::~BackgroundSink() {
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void BackgroundSink::write(const float* rows, int count) {
  auto left = static_cast<size_t>(count);
  std::unique_lock lock(mutex_);
  while (left > 0) {
    changed_.wait(lock, [&] { return failure_ || waiting_ < capacity_; });
    if (failure_) std::rethrow_exception(failure_);
    const size_t place = (first_ + waiting_) % capacity_;
    const size_t taken = std::min({left, capacity_ - waiting_, capacity_ - place});
    lock.unlock();  // the free part of the ring is this thread's
    std::copy_n(rows, taken * row_samples_, row(place));
    lock.lock();
    waiting_ += taken;
    changed_.notify_all();
    rows += taken * row_samples_;
    left -= taken;
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
  const size_t most =
      std::max<size_t>(1, capacity_ / 4);  // so that some can be filled while others are written
  std::unique_lock lock(mutex_);
  try {
    for (;;) {
      changed_.wait(lock, [&] { return abandoned_ || ended_ || waiting_ > 0; });
      if (abandoned_) break;
      const size_t count = std::min({waiting_, capacity_ - first_, most});
      lock.unlock();  // rows that wait are this thread's
      if (count == 0)
        sink_->finish();
      else
        sink_->write(row(first_), static_cast<int>(count));
      lock.lock();
      if (count == 0) break;
      first_ = (first_ + count) % capacity_;
      waiting_ -= count;
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
