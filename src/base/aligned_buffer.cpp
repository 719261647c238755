#include "base/aligned_buffer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <new>

namespace esrgan {

AlignedBuffer::AlignedBuffer(size_t size) : size_(size) {
  constexpr size_t cache_line = 64, huge_page = size_t{2} << 20U;
  const size_t bytes = size * sizeof(float);
  const size_t alignment = bytes >= 2 * huge_page ? huge_page : cache_line;
  const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  if (rounded == 0) return;
  data_.reset(static_cast<float*>(std::aligned_alloc(alignment, rounded)));
  if (!data_) throw std::bad_alloc();
  if (alignment == huge_page) ::madvise(data_.get(), rounded, MADV_HUGEPAGE);  // a wish; failure does no harm
  std::memset(data_.get(), 0, bytes);
}

void AlignedBuffer::Free::operator()(float* pointer) const {
  std::free(pointer);
}  // NOLINT

}  // namespace esrgan
