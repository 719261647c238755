#include "image/comparison_sheet.h"

#include <esrgan/error.h>

#include <algorithm>
#include <string_view>

#include "base/limits.h"
#include "image/text_drawing.h"

namespace esrgan {
namespace {

constexpr int gap = 8;          // pixels between tiles
constexpr int narrowest = 160;  // column, so that a name can be read
constexpr float paper = 1.0F, bar = 0.12F, ink = 1.0F;
constexpr int margin = 2;  // around texts, in pixels of the font

/// Words in lines of at most `width` characters; a longer word is cut.
std::vector<std::string> lines_of(std::string_view text, int width) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    std::string line = first_characters(text, width);
    if (line.size() < text.size())
      if (const size_t space = line.rfind(' '); space != std::string::npos && space > 0) line.resize(space);
    text.remove_prefix(line.size());
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string fitted(const std::string& text, int width) {
  constexpr int dots = 3;
  if (characters_in(text) <= width) return text;
  return first_characters(text, std::max(0, width - dots)) + "...";
}

void fill(FloatImage& sheet, int left, int top, int width, int height, float value) {
  for (int y = top; y < top + height; ++y)
    std::fill_n(&sheet.at(left, y, 0), static_cast<ptrdiff_t>(width) * sheet.channels, value);
}

class Layout {
 public:
  Layout(const SheetTile& reference, const std::vector<SheetTile>& others)
      : height_(reference.picture.height),
        columns_(1 + std::min<int>(most_in_row, static_cast<int>(others.size()))),
        rows_(std::max(1, (static_cast<int>(others.size()) + most_in_row - 1) / most_in_row)),
        column_(std::max(reference.picture.width, narrowest)) {
    int longest = std::max(characters_in(reference.title), characters_in(reference.note));
    for (const SheetTile& tile : others)
      longest = std::max({longest, characters_in(tile.title), characters_in(tile.note)});
    magnification_ = std::clamp(column_ / 200, 1, 4);
    while (magnification_ > 1 && longest > characters()) --magnification_;
    bar_ = magnification_ * (2 * glyph_height + 3 * margin);
    const int64_t width = int64_t{columns_} * (column_ + gap) - gap,
                  height = int64_t{rows_} * (int64_t{height_} + bar_ + gap) - gap;
    if (std::max(width, height) > limits::picture_side)
      throw Error(ErrorKind::unsupported, "", "size of the sheet",
                  "at most " + std::to_string(limits::picture_side) + " pixels each way",
                  std::to_string(width) + "x" + std::to_string(height));
    sheet_ = FloatImage(static_cast<int>(width), static_cast<int>(height), 3);
    std::fill(sheet_.pixels.begin(), sheet_.pixels.end(), paper);
  }

  void put(const SheetTile& tile, int column, int row) {
    const int left = column * (column_ + gap), top = row * (height_ + bar_ + gap);
    fill(sheet_, left, top, column_, height_ + bar_, bar);
    if (tile.failure.empty())
      paste(tile.picture, sheet_, left + (column_ - tile.picture.width) / 2, top);
    else
      write_lines(lines_of(tile.failure, characters()), left, top, height_);
    write_lines({fitted(tile.title, characters()), fitted(tile.note, characters())}, left, top + height_,
                bar_);
  }

  int rows() const { return rows_; }
  FloatImage& sheet() { return sheet_; }

 private:
  /// That fit into a line.
  int characters() const { return (column_ / magnification_ - 2 * margin) / glyph_advance; }

  void write_lines(const std::vector<std::string>& lines, int left, int top, int height) {
    const int line = (glyph_height + margin) * magnification_;
    int y = top + margin * magnification_;
    for (const std::string& text : lines) {
      if (y + line > top + height) break;
      draw_text(sheet_, text, left + margin * magnification_, y, magnification_, ink);
      y += line;
    }
  }

  int height_, columns_, rows_, column_;
  int magnification_ = 1, bar_ = 0;
  FloatImage sheet_;
};

}  // namespace

FloatImage draw_sheet(const SheetTile& reference, const std::vector<SheetTile>& others) {
  Layout layout(reference, others);
  for (int row = 0; row < layout.rows(); ++row) layout.put(reference, 0, row);
  for (size_t i = 0; i < others.size(); ++i)
    layout.put(others[i], 1 + static_cast<int>(i % most_in_row), static_cast<int>(i / most_in_row));
  return std::move(layout.sheet());
}

}  // namespace esrgan
