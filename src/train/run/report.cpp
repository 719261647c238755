#include "train/run/report.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <vector>

#include "base/file.h"
#include "train/run/chart.h"
#include "train/run/run_folder.h"

namespace esrgan::train {
namespace {

namespace fs = std::filesystem;

std::string text_of_file(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

/// The column of a table as a curve over the steps.
Series column(const CsvTable& table, const std::string& name) {
  Series series{name, {}};
  const auto found = std::find(table.columns.begin(), table.columns.end(), name);
  if (found == table.columns.end()) return series;
  const auto index = static_cast<size_t>(found - table.columns.begin());
  for (const auto& row : table.rows)
    if (!row[index].empty())  // a loss that no step had
      series.points.emplace_back(std::strtod(row[0].c_str(), nullptr),
                                 std::strtod(row[index].c_str(), nullptr));
  return series;
}

std::string base64(const std::string& bytes) {
  constexpr const char* digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k)
      group = group << 8U | (i + k < bytes.size() ? static_cast<uint8_t>(bytes[i + k]) : 0U);
    for (size_t k = 0; k < 4; ++k) text += i + k <= bytes.size() ? digits[group >> (18 - 6 * k) & 63U] : '=';
  }
  return text;
}

std::string losses(const CsvTable& metrics) {
  std::vector<Series> generator, discriminator;
  for (const std::string& name : metrics.columns) {
    if (name.starts_with("g_") && name != "g_norm") generator.push_back(column(metrics, name));
    if (name.starts_with("d_")) discriminator.push_back(column(metrics, name));
  }
  return line_chart("Generator", generator, true) + line_chart("Discriminator", discriminator, false) +
         line_chart("Gradient norm", {column(metrics, "g_norm")}, true) +
         line_chart("Learning rate", {column(metrics, "rate")}, true) +
         line_chart("Seconds per step", {column(metrics, "seconds_per_step")}, false) +
         line_chart("Share of the time that waits for data", {column(metrics, "data_share")}, false);
}

std::string quality(const CsvTable& measures) {
  std::map<std::string, CsvTable> sets;
  for (const auto& row : measures.rows) {
    CsvTable& set = sets[row.at(1)];
    set.columns = measures.columns;
    set.rows.push_back(row);
  }
  std::string html;
  for (const auto& [name, set] : sets)
    for (const std::string& metric : measures.columns)
      if (const std::string bicubic = "bicubic_" + metric;
          std::find(measures.columns.begin(), measures.columns.end(), bicubic) != measures.columns.end())
        html += line_chart(std::string(name).append(": ").append(metric),
                           {column(set, metric), column(set, bicubic)}, false);
  return html;
}

std::string samples(const fs::path& folder) {
  std::map<std::string, fs::path> newest;  // by set: NAME_step_N.png
  std::error_code absent;
  for (const fs::path& path : paths_in(folder, absent)) {
    const std::string stem = path.stem().string();
    if (stem.starts_with('.') || path.extension() != ".png") continue;  // half written, or a folder
    fs::path& found = newest[stem.substr(0, stem.rfind("_step_"))];
    if (found.empty() || found.stem().string() < stem) found = path;
  }
  std::string html;
  for (const auto& [set, file] : newest)
    html += "<figure><img alt=\"" + escaped(set) + "\" src=\"data:image/png;base64," +
            base64(text_of_file(file)) + "\"><figcaption>" + escaped(file.stem().string()) +
            ": reduced, bicubic, ours, original</figcaption></figure>\n";
  return html;
}

}  // namespace

void write_report(const fs::path& folder, const std::string& title) {
  const CsvTable metrics = read_csv(folder / "metrics.csv"), measures = read_csv(folder / "validation.csv");
  std::string html =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + escaped(title) +
      "</title>\n<style>body{font:15px sans-serif;max-width:1500px;margin:2em auto;padding:0 1em}"
      ".charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(480px,1fr));gap:1em}"
      "img{max-width:100%;image-rendering:pixelated}figure{margin:1em 0}pre{overflow:auto}"
      "@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}}</style></head><body>\n<h1>" +
      escaped(title) + "</h1>\n";
  if (!measures.rows.empty())
    html += "<h2>Quality</h2>\n<div class=\"charts\">" + quality(measures) + "</div>\n" +
            samples(folder / "samples");
  html += "<h2>Losses</h2>\n<div class=\"charts\">" + losses(metrics) + "</div>\n";
  const std::string flow = text_of_file(folder / "gradients.svg");
  if (!flow.empty()) html += "<h2>Gradient flow</h2>\n" + flow;
  html +=
      "<h2>Recipe</h2>\n<pre>" + escaped(text_of_file(folder / "recipe.yml")) + "</pre>\n</body></html>\n";
  write_text(folder / "report.html", html);
}

}  // namespace esrgan::train
