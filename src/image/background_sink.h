// Writing pictures in a thread of its own.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "image/rows.h"

namespace esrgan {

/// Hands rows on to another sink in a thread of its own, so that filtering and encoding run beside the
/// network. What the other sink throws is thrown by the next call here. Destroyed before end(), or before all
/// was written, it discards the picture.
class BackgroundSink : public RowSink {
 public:
  /// Rows have `row_samples` floats; at most `capacity` bytes (but at least a row) wait to be written.
  BackgroundSink(std::unique_ptr<RowSink> sink, size_t row_samples, size_t capacity);
  ~BackgroundSink() override;
  BackgroundSink(const BackgroundSink&) = delete;
  BackgroundSink& operator=(const BackgroundSink&) = delete;
  BackgroundSink(BackgroundSink&&) = delete;
  BackgroundSink& operator=(BackgroundSink&&) = delete;

  void write(const float* rows, int count) override;
  /// Takes the memory of the picture and leaves an empty vector.
  void write_all(std::vector<float>& picture, int count) override;
  /// There are no more rows; does not wait.
  void end();
  /// Whether nothing is left to do: all is written, or it failed.
  bool settled() const;
  /// end(), and waits.
  void finish() override;
  /// Bytes of rows that this holds, or held at once.
  uint64_t memory() const;

 private:
  void work();
  void write_whole(std::unique_lock<std::mutex>& lock);
  void write_waiting(std::unique_lock<std::mutex>& lock);

  float* row(size_t number) const { return ring_.get() + number * row_samples_; }

  std::unique_ptr<RowSink> sink_;
  size_t row_samples_, capacity_;  // rows
  std::unique_ptr<float[]> ring_;  // made when it is needed
  std::vector<float> whole_;       // taken from write_all(), to be written before the ring
  uint64_t largest_whole_ = 0;     // bytes
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  size_t first_ = 0, waiting_ = 0;  // rows of the ring
  bool ended_ = false, abandoned_ = false, settled_ = false;
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace esrgan
