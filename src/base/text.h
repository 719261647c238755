// Numbers as text, and text for terminals.
#pragma once

#include <array>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

namespace esrgan {

/// A number in printf's `format`; nine digits are a float's.
inline std::string text_of(double value, const char* format = "%.9g") {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

/// Text that a terminal shows and does not obey: control characters (the C1 ones in UTF-8, too) and bytes
/// that are not UTF-8 become like "\x1b" or "\n". The rest stays as it is.
std::string escaped(std::string_view text);

/// "'a', 'b' and 3 more": the first names, long ones cut.
std::string listed(std::span<const std::string> names);

}  // namespace esrgan
