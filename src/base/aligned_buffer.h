// Float storage aligned to a cache line, for kernels.
#pragma once

#include <cstddef>
#include <memory>

namespace esrgan {

/// Owns `size` floats aligned to a cache line, large ones to huge pages, which the system is asked for:
/// kernels walk through many megabytes in long strides. Starts as zeros. Movable, not copyable.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(size_t size);

  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }
  size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(float* pointer) const;
  };

  std::unique_ptr<float, Free> data_;
  size_t size_ = 0;
};

}  // namespace esrgan
