#include "train/run/chart.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"

namespace esrgan::train {
namespace {

constexpr double width = 720, height = 260, left = 64, right = 12, top = 34, bottom = 28;
constexpr const char* colours[] = {"#1f77b4", "#d62728", "#2ca02c", "#9467bd",
                                   "#ff7f0e", "#17becf", "#8c564b", "#e377c2"};

std::string number(double value) {
  return text_of(value, 4);
}

/// An axis from values to places.
struct Axis {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  bool logarithmic = false;
  double from = 0, to = 1;

  void include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  double inner(double value) const { return logarithmic ? std::log10(value) : value; }
  double place(double value) const {
    const double span = inner(high) - inner(low);
    return from + (to - from) * (span > 0 ? (inner(value) - inner(low)) / span : 0.5);
  }
  double at(double share) const {
    const double value = inner(low) + share * (inner(high) - inner(low));
    return logarithmic ? std::pow(10, value) : value;
  }
};

std::string label(double x, double y, const char* anchor, const std::string& text,
                  const char* colour = "currentColor") {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" text-anchor=\"" + anchor + "\" fill=\"" +
         colour + "\">" + escaped(text) + "</text>\n";
}

std::string frame(const std::string& title, const Axis& y) {
  std::string svg = R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 )" + number(width) + " " +
                    number(height) + "\" font-family=\"sans-serif\" font-size=\"11\">\n" +
                    label(left, 14, "start", title);
  for (int i = 0; i <= 4; ++i) {
    const double value = y.at(i / 4.0), place = y.place(value);
    svg += "<line x1=\"" + number(left) + "\" x2=\"" + number(width - right) + "\" y1=\"" + number(place) +
           "\" y2=\"" + number(place) + "\" stroke=\"currentColor\" stroke-opacity=\"0.15\"/>\n" +
           label(left - 6, place + 4, "end", number(value));
  }
  return svg;
}

}  // namespace

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '<')
      result += "&lt;";
    else if (c == '>')
      result += "&gt;";
    else if (c == '&')
      result += "&amp;";
    else if (c == '"')
      result += "&quot;";
    else
      result += c;
  }
  return result;
}

std::string line_chart(const std::string& title, const std::vector<Series>& series, bool logarithmic) {
  Axis x, y;
  const auto drawn = [&](const std::pair<double, double>& point) {
    return std::isfinite(point.second) && (!logarithmic || point.second > 0);
  };
  for (const Series& one : series)
    for (const auto& point : one.points)
      if (drawn(point)) {
        x.include(point.first);
        y.include(point.second);
      }
  if (!(x.low <= x.high)) return "";
  x.from = left;
  x.to = width - right;
  y.from = height - bottom;
  y.to = top;
  y.logarithmic = logarithmic;
  std::string svg = frame(title, y);
  for (int i = 0; i <= 4; ++i)
    svg += label(x.place(x.at(i / 4.0)), height - 10, "middle", fixed_text_of(std::round(x.at(i / 4.0)), 0));
  double next = left + 7.0 * static_cast<double>(title.size()) + 24;
  for (size_t i = 0; i < series.size(); ++i) {
    const char* const colour = colours[i % std::size(colours)];
    std::string points;
    for (const auto& point : series[i].points)
      if (drawn(point))
        points +=
            fixed_text_of(x.place(point.first), 1) + "," + fixed_text_of(y.place(point.second), 1) + " ";
    svg += R"(<polyline fill="none" stroke-width="1.5" stroke=")" + std::string(colour) + "\" points=\"" +
           points + "\"/>\n" + label(next, 14, "start", series[i].name, colour);
    next += 7.0 * static_cast<double>(series[i].name.size()) + 16;
  }
  return svg + "</svg>\n";
}

std::string bar_chart(const std::string& title, const std::vector<std::pair<std::string, double>>& bars) {
  Axis y;
  for (const auto& [name, value] : bars)
    if (std::isfinite(value) && value > 0) y.include(value);
  if (!(y.low <= y.high)) return "";
  y.logarithmic = true;
  y.low /= 2;  // so that the smallest is a bar, too
  y.from = height - bottom;
  y.to = top;
  std::string svg = frame(title, y);
  const double step = (width - left - right) / static_cast<double>(bars.size());
  for (size_t i = 0; i < bars.size(); ++i) {
    const auto& [name, value] = bars[i];
    if (!std::isfinite(value) || value <= 0) continue;
    svg += "<rect x=\"" + number(left + step * static_cast<double>(i)) + "\" width=\"" +
           number(std::max(0.5, 0.8 * step)) + "\" y=\"" + number(y.place(value)) + "\" height=\"" +
           number(y.from - y.place(value)) + "\" fill=\"" + colours[0] + "\"><title>" + escaped(name) + ": " +
           number(value) + "</title></rect>\n";
  }
  if (!bars.empty())
    svg += label(left, height - 10, "start", bars.front().first) +
           label(width - right, height - 10, "end", bars.back().first);
  return svg + "</svg>\n";
}

}  // namespace esrgan::train
