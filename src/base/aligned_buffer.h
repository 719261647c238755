// Float storage aligned to a cache line, for kernels.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>

namespace esrgan {

/// Owns `size` floats aligned to 64 bytes; starts as zeros. Movable, not copyable.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(size_t size)
      : data_(static_cast<float*>(::operator new(bytes(size), std::align_val_t{alignment}))), size_(size) {
    std::memset(data_.get(), 0, bytes(size));
  }

  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }
  size_t size() const { return size_; }

 private:
  static constexpr size_t alignment = 64;
  static size_t bytes(size_t size) { return size * sizeof(float); }
  struct Free {
    void operator()(float* pointer) const { ::operator delete(pointer, std::align_val_t{alignment}); }
  };

  std::unique_ptr<float, Free> data_;
  size_t size_ = 0;
};

}  // namespace esrgan
