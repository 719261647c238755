#include "base/text.h"

#include <esrgan/error.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <vector>

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

/// What std::to_chars() makes of its arguments.
template <typename... How>
std::string digits_of(double value, How... how) {
  std::array<char, 400> text{};  // the longest double has 309 digits before the point
  const auto [end, failure] = std::to_chars(text.data(), text.data() + text.size(), value, how...);
  return {text.data(), end};
}

}  // namespace

std::string text_of(double value, int digits) {
  return digits_of(value, std::chars_format::general, digits);
}

std::string fixed_text_of(double value, int decimals) {
  return digits_of(value, std::chars_format::fixed, decimals);
}

std::string exact_text_of(double value) {
  return digits_of(value);
}

double number_of(std::string_view text) {
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size())
    throw Error(ErrorKind::bad_data, "", "what should be a number", "a number", "'" + escaped(text) + "'");
  return value;
}

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

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace esrgan
