// Float storage aligned to a cache line, for kernels.
#pragma once

#include <cstddef>
#include <memory>

namespace esrgan {

/// Gives an AlignedBuffer's memory back.
struct AlignedFree {
  size_t mapped = 0;  ///< bytes that the system gave by themselves; 0 for those of the heap
  void operator()(float* pointer) const;
};

/// Owns `size` floats aligned to a cache line, large ones to huge pages, which the system is asked for:
/// kernels walk through many megabytes in long strides. Starts as zeros; pages of a large one are made when
/// they are first touched, by the thread that does so. Movable, not copyable.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  /// Throws std::bad_alloc.
  explicit AlignedBuffer(size_t size);

  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }
  size_t size() const { return size_; }

 private:
  std::unique_ptr<float, AlignedFree> data_;
  size_t size_ = 0;
};

}  // namespace esrgan
