// Memory as the system has it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace esrgan {

/// Bytes that can be allocated without swapping: the lesser of the kernel's MemAvailable and what the
/// control group (v2 or v1) still allows.
uint64_t available_memory();

/// Bytes of this process that are in memory now.
uint64_t resident_memory();

/// Most bytes that this process ever had in memory.
uint64_t peak_resident_memory();

constexpr size_t huge_page = size_t{2} << 20U;

/// `bytes`, a multiple of huge_page, of zeros, that begin at such a multiple; huge pages are asked for. A
/// page is made when it is first touched. Throws std::bad_alloc.
void* map_huge_pages(size_t bytes);
void unmap_pages(void* pages, size_t bytes);

}  // namespace esrgan
