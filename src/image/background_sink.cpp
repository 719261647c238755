#include "image/background_sink.h"

#include <algorithm>
#include <utility>

namespace esrgan {
namespace {

/// Rows that are written at once: so few that the end of a picture is noticed, and that some can be filled
/// while others are written.
size_t piece(size_t rows) {
  return std::max<size_t>(1, rows / 4);
}

}  // namespace

BackgroundSink::BackgroundSink(std::unique_ptr<RowSink> sink, size_t row_samples, size_t capacity)
    : sink_(std::move(sink)),
      row_samples_(row_samples),
      capacity_(std::max<size_t>(1, capacity / (row_samples * sizeof(float)))),
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
  if (!ring_) ring_ = std::make_unique_for_overwrite<float[]>(capacity_ * row_samples_);
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

void BackgroundSink::write_all(std::vector<float>& picture, int count) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return failure_ || (waiting_ == 0 && whole_.empty()); });
  if (failure_) std::rethrow_exception(failure_);
  whole_.swap(picture);
  whole_.resize(static_cast<size_t>(count) * row_samples_);
  largest_whole_ = std::max<uint64_t>(largest_whole_, whole_.capacity() * sizeof(float));
  lock.unlock();
  changed_.notify_all();
}

uint64_t BackgroundSink::memory() const {
  const std::lock_guard lock(mutex_);
  return std::max<uint64_t>(largest_whole_, ring_ ? capacity_ * row_samples_ * sizeof(float) : 0);
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

/// Writes what write_all() took; `lock` is held before and after.
void BackgroundSink::write_whole(std::unique_lock<std::mutex>& lock) {
  const size_t rows = whole_.size() / row_samples_, most = piece(rows);
  for (size_t done = 0; done < rows && !abandoned_; done += most) {
    lock.unlock();  // it is this thread's until it is empty
    sink_->write(whole_.data() + done * row_samples_, static_cast<int>(std::min(most, rows - done)));
    lock.lock();
  }
  whole_ = {};
  changed_.notify_all();
}

void BackgroundSink::write_waiting(std::unique_lock<std::mutex>& lock) {
  const size_t count = std::min({waiting_, capacity_ - first_, piece(capacity_)});
  lock.unlock();  // rows that wait are this thread's
  sink_->write(row(first_), static_cast<int>(count));
  lock.lock();
  first_ = (first_ + count) % capacity_;
  waiting_ -= count;
  changed_.notify_all();
}

void BackgroundSink::work() {
  std::unique_lock lock(mutex_);
  try {
    for (;;) {
      changed_.wait(lock, [&] { return abandoned_ || ended_ || waiting_ > 0 || !whole_.empty(); });
      if (abandoned_) break;
      if (!whole_.empty()) {
        write_whole(lock);
      } else if (waiting_ > 0) {
        write_waiting(lock);
      } else {
        lock.unlock();
        sink_->finish();
        lock.lock();
        break;
      }
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
