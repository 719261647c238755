#include "train/networks/host_memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/alignment.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <vector>

namespace esrgan::train {
namespace {

class KeepingAllocator : public c10::Allocator {
 public:
  // LibTorch 1 asks for a constant function and knows no copy_data(); whichever the base class has is
  // overridden.
  c10::DataPtr allocate(size_t bytes) const { return make(bytes); }
  c10::DataPtr allocate(size_t bytes) { return make(bytes); }
  void copy_data(void* to, const void* from, size_t bytes) const { std::memcpy(to, from, bytes); }
  c10::DeleterFnPtr raw_deleter() const override { return &raw_delete; }

 private:
  // In front of every block lies its size.
  static constexpr size_t header = 64;
  static constexpr size_t smallest_kept = size_t{1} << 16U;

  static c10::DataPtr make(size_t bytes) {
    void* data = bytes == 0 ? nullptr : take(rounded(bytes));
    return {data, data, &raw_delete, c10::Device(c10::DeviceType::CPU)};
  }

  struct Kept {
    std::mutex mutex;
    std::map<size_t, std::vector<void*>> blocks;  // by size
  };
  /// Lives as long as the program: tensors may be freed after everything else.
  static Kept& kept() {
    static auto* const all = new Kept;
    return *all;
  }

  /// Few different sizes, so that blocks fit again: eight steps to each doubling.
  static size_t rounded(size_t bytes) {
    size_t step = header;
    while (step * 16 <= bytes) step *= 2;
    return (bytes + step - 1) / step * step;
  }

  static void* take(size_t bytes) {
    if (bytes >= smallest_kept) {
      const std::lock_guard lock(kept().mutex);
      auto& blocks = kept().blocks[bytes];
      if (!blocks.empty()) {
        void* const data = blocks.back();
        blocks.pop_back();
        return data;
      }
    }
    void* const block = std::aligned_alloc(header, header + bytes);
    if (block == nullptr) throw std::bad_alloc();
    *static_cast<size_t*>(block) = bytes;
    return static_cast<char*>(block) + header;
  }

  static void raw_delete(void* data) {
    if (data == nullptr) return;
    void* const block = static_cast<char*>(data) - header;
    const size_t bytes = *static_cast<size_t*>(block);
    if (bytes < smallest_kept) return std::free(block);
    const std::lock_guard lock(kept().mutex);
    kept().blocks[bytes].push_back(data);
  }
};

}  // namespace

void keep_host_memory() {
  static KeepingAllocator allocator;
  c10::SetCPUAllocator(&allocator, 1);
}

}  // namespace esrgan::train
