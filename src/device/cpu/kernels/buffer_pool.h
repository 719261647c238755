// Buffers that are used again: fresh memory costs as much as the work that is done in it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "base/aligned_buffer.h"

namespace esrgan {

/// Keeps the buffers that were given back. Safe to use from many threads; must outlive its buffers.
class BufferPool {
 public:
  /// A buffer of at least the size asked for, with arbitrary contents, which goes back when it is destroyed.
  class Buffer {
   public:
    Buffer() = default;
    Buffer(BufferPool& pool, AlignedBuffer buffer) : pool_(&pool), buffer_(std::move(buffer)) {}
    ~Buffer() {
      if (pool_ != nullptr) pool_->give(std::move(buffer_));
    }
    Buffer(Buffer&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), buffer_(std::move(other.buffer_)) {}
    Buffer& operator=(Buffer&& other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(buffer_, other.buffer_);
      return *this;
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    float* data() { return buffer_.data(); }
    const float* data() const { return buffer_.data(); }

   private:
    BufferPool* pool_ = nullptr;
    AlignedBuffer buffer_;
  };

  Buffer take(size_t floats) {
    {
      const std::lock_guard lock(mutex_);
      const auto found = free_.lower_bound(floats);
      if (found != free_.end() && found->first <= 2 * floats)
        return {*this, std::move(free_.extract(found).mapped())};
    }
    return {*this, AlignedBuffer(floats)};
  }

 private:
  void give(AlignedBuffer buffer) noexcept {
    try {
      const std::lock_guard lock(mutex_);
      const size_t size = buffer.size();
      free_.emplace(size, std::move(buffer));
    } catch (...) {  // no memory to note it: it goes back to the system
    }
  }

  std::mutex mutex_;
  std::multimap<size_t, AlignedBuffer> free_;  // by size
};

}  // namespace esrgan
