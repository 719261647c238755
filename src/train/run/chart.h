// Curves and bars as SVG.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace esrgan::train {

struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points;  ///< x ascending; what is not finite is left out
};

/// Curves over a common axis; `logarithmic` when all values are positive.
std::string line_chart(const std::string& title, const std::vector<Series>& series, bool logarithmic);

/// Positive values, one bar each, on a logarithmic axis; a bar tells its name when it is pointed at.
std::string bar_chart(const std::string& title, const std::vector<std::pair<std::string, double>>& bars);

/// Text with the signs that HTML gives a meaning replaced.
std::string escaped(const std::string& text);

}  // namespace esrgan::train
