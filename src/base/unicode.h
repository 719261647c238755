// Texts of files as UTF-8.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace esrgan {

std::string utf8_from_latin1(std::string_view text);

/// Nothing when a character is not in Latin-1, or the text is no UTF-8.
std::optional<std::string> latin1_from_utf8(std::string_view text);

/// Length of the well-formed UTF-8 character that `text` begins with (1 to 4); 0 when it begins with none.
size_t utf8_character(std::string_view text);

bool is_utf8(std::string_view text);

}  // namespace esrgan
