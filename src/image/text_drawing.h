// Short texts in pictures, in a font of this project's own.
#pragma once

#include <string>
#include <string_view>

#include "image/float_image.h"

namespace esrgan {

// Pixels of a character before it is magnified: seven rows, and two below for "g" and the like. The advance
// has the gap to the next one in it.
constexpr int glyph_width = 5, glyph_height = 9, glyph_advance = 6;

/// Characters of a text in UTF-8; a byte that is not UTF-8 counts as one.
int characters_in(std::string_view text);

/// The first `count` characters, or all.
std::string first_characters(std::string_view text, int count);

/// Sets the pixels of the characters to `value` in all channels. What lies outside the picture is left out.
/// The font has what ASCII can show; any other character becomes '?'.
void draw_text(FloatImage& picture, std::string_view text, int left, int top, int magnification, float value);

}  // namespace esrgan
