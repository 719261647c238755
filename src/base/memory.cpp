#include "base/memory.h"

#include <esrgan/error.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "base/text.h"

namespace esrgan {

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
  return fixed_text_of(value, value < 10 && unit > 0 ? 1 : 0) + " " + units[unit];
}

}  // namespace esrgan
