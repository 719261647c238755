// Numbers as text.
#pragma once

#include <array>
#include <cstdio>
#include <string>

namespace esrgan {

/// A number in printf's `format`; nine digits are a float's.
inline std::string text_of(double value, const char* format = "%.9g") {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

}  // namespace esrgan
