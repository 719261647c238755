#include "train/run/journal.h"

#include <array>
#include <cstdio>

#include "base/file.h"
#include "base/text.h"
#include "train/run/chart.h"
#include "train/run/report.h"

namespace esrgan::train {
namespace {

std::string duration(double seconds) {
  const auto total = static_cast<int64_t>(seconds);
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%d:%02d:%02d", static_cast<int>(total / 3600),
                static_cast<int>(total / 60 % 60), static_cast<int>(total % 60));
  return text.data();
}

std::vector<std::string> measure_columns(const std::vector<std::string>& metrics) {
  std::vector<std::string> columns{"set"};
  for (const char* prefix : {"", "bicubic_"})
    for (const std::string& metric : metrics) columns.push_back(prefix + metric);
  return columns;
}

std::vector<std::string> step_columns(std::vector<std::string> losses) {
  for (const char* name : {"rate", "seconds_per_step", "data_share"}) losses.emplace_back(name);
  return losses;
}

std::vector<uint8_t> bytes_of(const std::filesystem::path& file) {
  const MappedFile mapped(file);
  return {mapped.bytes().begin(), mapped.bytes().end()};
}

}  // namespace

Journal::Journal(const Recipe& recipe, std::vector<std::string> losses, std::vector<std::string> metrics,
                 bool resume)
    : recipe_(recipe),
      losses_(std::move(losses)),
      metrics_(std::move(metrics)),
      folder_(std::filesystem::path(recipe.folder) / recipe.name, recipe.resolved, resume),
      steps_(folder_.path() / "metrics.csv", step_columns(losses_)),
      measures_(folder_.path() / "validation.csv", measure_columns(metrics_)) {}

void Journal::start_after(int64_t step) {
  steps_.start_after(step);
  measures_.start_after(step);
  events_.emplace(folder_.path(), step);
}

void Journal::progress(int64_t step, const Progress& progress) {
  std::vector<std::string> values;
  std::string line = "step " + std::to_string(step) + "/" + std::to_string(recipe_.steps);
  for (const std::string& name : losses_) {
    const auto found = progress.losses.find(name);
    values.push_back(found != progress.losses.end() ? text_of(found->second) : "");
    if (found == progress.losses.end()) continue;
    line += "  " + name + " " + text_of(found->second, 4);
    events_->scalar("losses/" + name, step, found->second);
  }
  values.push_back(text_of(progress.rate));
  values.push_back(fixed_text_of(progress.seconds_per_step, 4));
  values.push_back(fixed_text_of(progress.data_share, 4));
  steps_.add(step, values);
  events_->scalar("run/rate", step, progress.rate);
  events_->scalar("run/seconds_per_step", step, progress.seconds_per_step);
  folder_.say(line + "  rate " + text_of(progress.rate, 3) + "  " +
              fixed_text_of(progress.seconds_per_step, 3) + " s/step, data " +
              fixed_text_of(100 * progress.data_share, 1) + " %, left " + duration(progress.seconds_left));
}

void Journal::quality(int64_t step, const ValidationResult& result) {
  std::vector<std::string> row{result.name};
  for (const std::vector<double>* values : {&result.ours, &result.bicubic})
    for (const double value : *values) row.push_back(fixed_text_of(value, 5));
  measures_.add(step, row);
  std::string line = "step " + std::to_string(step) + "  " + result.name + ":";
  for (size_t m = 0; m < metrics_.size(); ++m) {
    events_->scalar(metrics_[m] + "/" + result.name, step, result.ours[m]);
    line += "  " + metrics_[m] + " " + fixed_text_of(result.ours[m], 4) + " (bicubic " +
            fixed_text_of(result.bicubic[m], 4) + ")";
  }
  if (!result.sample.empty())
    events_->image("samples/" + result.name, step, result.sample_width, result.sample_height,
                   bytes_of(result.sample));
  folder_.say(line);
}

void Journal::gradients(int64_t step, const std::vector<TrainedNetwork*>& networks) {
  std::string table = "step,network,layer,gradient,weights\n";
  std::vector<std::pair<std::string, double>> bars;
  for (const TrainedNetwork* network : networks)
    for (const ParameterNorm& norm : network->norms()) {
      table += std::to_string(step) + "," + network->name() + "," + norm.name + "," + text_of(norm.gradient) +
               "," + text_of(norm.values) + "\n";
      if (network == networks.front() && norm.name.ends_with("weight"))
        bars.emplace_back(norm.name, norm.gradient);
    }
  write_text(folder_.path() / "gradients.csv", table);
  write_text(folder_.path() / "gradients.svg",
             bar_chart("Norm of the gradient of each layer's weights, step " + std::to_string(step), bars));
}

void Journal::report() {
  write_report(folder_.path(), recipe_.name);
}

}  // namespace esrgan::train
