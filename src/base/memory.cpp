#include "base/memory.h"

#include <esrgan/error.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <limits>

#include "base/control_groups.h"

namespace esrgan {
uint64_t available_memory() {
  uint64_t available = uint64_t{1} << 30U;  // without /proc, a gibibyte is a safe guess
  std::ifstream file("/proc/meminfo");
  std::string key, unit;
  uint64_t kibibytes = 0;
  while (file >> key >> kibibytes) {
    std::getline(file, unit);
    if (key == "MemAvailable:") available = kibibytes * 1024;
  }
  return std::min(available, control_group_limits().memory);
}

uint64_t resident_memory() {
  std::ifstream file("/proc/self/statm");
  uint64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

uint64_t peak_resident_memory() {
  std::ifstream file("/proc/self/status");
  std::string key;
  uint64_t kibibytes = 0;
  while (file >> key) {
    if (key == "VmHWM:") file >> kibibytes;
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return kibibytes * 1024;
}

uint64_t parse_memory_size(const std::string& text, const std::string& option) {
  const auto refuse = [&] {
    return Error(ErrorKind::invalid_argument, "", option, "a size such as 800M or 2G", "'" + text + "'");
  };
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc()) throw refuse();
  std::string unit;
  for (const char c : std::string(end, text.data() + text.size()))
    unit += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  int power = 0;
  if (!unit.empty() && unit != "b") {
    power = static_cast<int>(std::string("kmgt").find(unit[0])) + 1;
    if (power == 0 || (unit.size() > 1 && unit.substr(1) != "b" && unit.substr(1) != "ib")) throw refuse();
  }
  for (; power > 0; --power) value *= 1024;
  if (!(value >= 1) || value > 0x1p62) throw refuse();
  return static_cast<uint64_t>(value);
}

std::string format_memory_size(uint64_t bytes) {
  constexpr std::array<const char*, 5> units{"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < units.size(); ++unit) value /= 1024;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), value < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", value, units[unit]);
  return text.data();
}

}  // namespace esrgan
