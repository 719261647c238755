// Numbers as text, and text for terminals.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace esrgan {

/// A number as text, the same in every locale: with so many significant digits as by printf's %g; nine are a
/// float's.
std::string text_of(double value, int digits = 9);
/// With so many digits behind the point, as by printf's %f.
std::string fixed_text_of(double value, int decimals);
/// As few digits as tell the number from all others, and back. Throws Error where it is none.
std::string exact_text_of(double value);
double number_of(std::string_view text);

/// Text that a terminal shows and does not obey: control characters (the C1 ones in UTF-8, too) and bytes
/// that are not UTF-8 become like "\x1b" or "\n". The rest stays as it is.
std::string escaped(std::string_view text);

/// "'a', 'b' and 3 more": the first names, long ones cut.
std::string listed(std::span<const std::string> names);

/// Letters to insert, remove or replace so that one word becomes the other (Levenshtein 1966).
size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace esrgan
