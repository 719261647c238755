#include "base/platform_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <limits>
#include <new>
#include <string>

#include "base/platform_control_groups.h"
#include "base/platform_file.h"

namespace esrgan {

uint64_t available_memory() {
  uint64_t available = uint64_t{1} << 30U;  // without /proc, a gibibyte is a safe guess
  std::ifstream file = open_system_text("/proc/meminfo");
  std::string key, unit;
  uint64_t kibibytes = 0;
  while (file >> key >> kibibytes) {
    std::getline(file, unit);
    if (key == "MemAvailable:") available = kibibytes * 1024;
  }
  return std::min(available, control_group_limits().memory);
}

uint64_t resident_memory() {
  std::ifstream file = open_system_text("/proc/self/statm");
  uint64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

uint64_t peak_resident_memory() {
  std::ifstream file = open_system_text("/proc/self/status");
  std::string key;
  uint64_t kibibytes = 0;
  while (file >> key) {
    if (key == "VmHWM:") file >> kibibytes;
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return kibibytes * 1024;
}

void* map_huge_pages(size_t bytes) {
  void* const mapped =
      ::mmap(nullptr, bytes + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  auto* const begin = static_cast<std::byte*>(mapped);
  const size_t before = (huge_page - reinterpret_cast<uintptr_t>(begin) % huge_page) % huge_page;
  if (before > 0) ::munmap(begin, before);
  ::munmap(begin + before + bytes, huge_page - before);
  ::madvise(begin + before, bytes, MADV_HUGEPAGE);  // a wish; failure does no harm
  return begin + before;
}

void unmap_pages(void* pages, size_t bytes) {
  ::munmap(pages, bytes);
}

}  // namespace esrgan
