#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/unicode.h"

namespace esrgan {
namespace {

bool is_control(std::string_view character) {
  const auto first = static_cast<uint8_t>(character[0]);
  return first < 0x20 || first == 0x7F ||
         (first == 0xC2 && character.size() == 2 && static_cast<uint8_t>(character[1]) < 0xA0);
}

void append_escaped(std::string& to, char c) {
  if (c == '\n') {
    to += "\\n";
  } else if (c == '\t') {
    to += "\\t";
  } else {
    std::array<char, 8> code{};
    std::snprintf(code.data(), code.size(), "\\x%02x", static_cast<unsigned>(static_cast<uint8_t>(c)));
    to += code.data();
  }
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const size_t length = utf8_character(text);
    const std::string_view character = text.substr(0, length > 0 ? length : 1);
    if (length > 0 && !is_control(character))
      result += character;
    else
      for (const char c : character) append_escaped(result, c);
    text.remove_prefix(character.size());
  }
  return result;
}

std::string listed(std::span<const std::string> names) {
  constexpr size_t most = 8, longest = 60;
  std::string text;
  for (const std::string& name : names.first(std::min(names.size(), most))) {
    text += text.empty() ? "'" : ", '";
    text += name.size() > longest ? name.substr(0, longest) + "..." : name;
    text += "'";
  }
  return names.size() > most ? text + " and " + std::to_string(names.size() - most) + " more" : text;
}

}  // namespace esrgan
