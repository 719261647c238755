#include "base/aligned_buffer.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace esrgan {
namespace {

constexpr size_t cache_line = 64, huge_page = size_t{2} << 20U;

size_t round_up(size_t bytes, size_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

/// `bytes`, a multiple of huge pages, that start at one.
float* map_huge_pages(size_t bytes) {
  void* const mapped =
      ::mmap(nullptr, bytes + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  auto* const begin = static_cast<std::byte*>(mapped);
  const size_t before = (huge_page - reinterpret_cast<uintptr_t>(begin) % huge_page) % huge_page;
  if (before > 0) ::munmap(begin, before);
  ::munmap(begin + before + bytes, huge_page - before);
  ::madvise(begin + before, bytes, MADV_HUGEPAGE);  // a wish; failure does no harm
  return reinterpret_cast<float*>(begin + before);
}

}  // namespace

AlignedBuffer::AlignedBuffer(size_t size) : size_(size) {
  const size_t bytes = size * sizeof(float);
  if (bytes == 0) return;
  if (bytes >= 2 * huge_page) {
    const size_t mapped = round_up(bytes, huge_page);
    data_ = {map_huge_pages(mapped), AlignedFree{mapped}};
    return;
  }
  data_.reset(static_cast<float*>(std::aligned_alloc(cache_line, round_up(bytes, cache_line))));
  if (!data_) throw std::bad_alloc();
  std::memset(data_.get(), 0, bytes);
}

void AlignedFree::operator()(float* pointer) const {
  if (mapped > 0)
    ::munmap(pointer, mapped);
  else
    std::free(pointer);  // NOLINT(cppcoreguidelines-no-malloc): from std::aligned_alloc()
}

}  // namespace esrgan
