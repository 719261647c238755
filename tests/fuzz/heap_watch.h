// How much of the heap is in use, and was at most, by the address sanitizer's hooks.
#pragma once

#include <sanitizer/allocator_interface.h>

#include <algorithm>
#include <cstdint>

namespace esrgan::fuzz {

class HeapWatch {
 public:
  /// Once, before anything else.
  static void install() { __sanitizer_install_malloc_and_free_hooks(&allocated, &freed); }

  /// Most bytes that were added since this was made.
  HeapWatch() : begin_(held_) { peak_ = held_; }
  uint64_t grown() const { return static_cast<uint64_t>(peak_ - begin_); }

 private:
  static void allocated(const volatile void*, size_t size) {
    held_ += static_cast<int64_t>(size);
    peak_ = std::max(peak_, held_);
  }
  static void freed(const volatile void* block) {
    held_ -= static_cast<int64_t>(__sanitizer_get_allocated_size(block));
  }

  int64_t begin_;
  // Each thread counts its own: targets do not share their work.
  static inline thread_local int64_t held_ = 0, peak_ = 0;
};

}  // namespace esrgan::fuzz
