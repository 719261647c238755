// A bound on the memory that an input may cost, in proportion to its size.
#pragma once

#include <sanitizer/allocator_interface.h>
#include <sanitizer/asan_interface.h>

#include <cstddef>
#include <cstdio>

namespace esrgan::fuzz {

/// Counts what is allocated on this thread while it lives; ends the process when it was more than 16 times
/// the input and 64 MiB.
class MemoryBound {
 public:
  explicit MemoryBound(size_t input) : most_((size_t{64} << 20U) + 16 * input) {
    static const bool hooked = __sanitizer_install_malloc_and_free_hooks(&allocated, &freed) != 0;
    static_cast<void>(hooked);
    live_ = peak_ = 0;
  }
  ~MemoryBound() {
    if (peak_ <= most_) return;
    std::fprintf(stderr, "memory: %zu bytes for an input that may take %zu\n", peak_, most_);
    __builtin_trap();
  }
  MemoryBound(const MemoryBound&) = delete;
  MemoryBound& operator=(const MemoryBound&) = delete;
  MemoryBound(MemoryBound&&) = delete;
  MemoryBound& operator=(MemoryBound&&) = delete;

 private:
  static void allocated(const volatile void*, size_t size) {
    live_ += size;
    if (live_ > peak_) peak_ = live_;
  }
  static void freed(const volatile void* pointer) {
    const size_t size = __sanitizer_get_allocated_size(pointer);
    live_ -= size < live_ ? size : live_;  // what was there before is given back, too
  }

  size_t most_;
  static inline thread_local size_t live_ = 0, peak_ = 0;
};

}  // namespace esrgan::fuzz
