#include "base/aligned_buffer.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "base/platform_memory.h"

namespace esrgan {
namespace {

constexpr size_t cache_line = 64;

size_t round_up(size_t bytes, size_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

}  // namespace

AlignedBuffer::AlignedBuffer(size_t size) : size_(size) {
  const size_t bytes = size * sizeof(float);
  if (bytes == 0) return;
  if (bytes >= 2 * huge_page) {
    const size_t mapped = round_up(bytes, huge_page);
    data_ = {static_cast<float*>(map_huge_pages(mapped)), AlignedFree{mapped}};
    return;
  }
  data_.reset(static_cast<float*>(std::aligned_alloc(cache_line, round_up(bytes, cache_line))));
  if (!data_) throw std::bad_alloc();
  std::memset(data_.get(), 0, bytes);
}

void AlignedFree::operator()(float* pointer) const {
  if (mapped > 0)
    unmap_pages(pointer, mapped);
  else
    std::free(pointer);  // NOLINT(cppcoreguidelines-no-malloc): from std::aligned_alloc()
}

}  // namespace esrgan
