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

std::vector<std::string> metric_columns(std::vector<std::string> losses) {
  for (const char* name : {"rate", "seconds_per_step", "data_share"}) losses.emplace_back(name);
  return losses;
}

std::vector<uint8_t> bytes_of(const std::filesystem::path& file) {
  const MappedFile mapped(file);
  return {mapped.bytes().begin(), mapped.bytes().end()};
}

}  // namespace

Journal::Journal(const Recipe& recipe, std::vector<std::string> losses, bool resume)
    : recipe_(recipe),
      losses_(std::move(losses)),
      folder_(std::filesystem::path(recipe.folder) / recipe.name, recipe.resolved, resume),
      metrics_(folder_.path() / "metrics.csv", metric_columns(losses_)),
      measures_(folder_.path() / "validation.csv", {"set", "psnr", "ssim", "bicubic_psnr", "bicubic_ssim"}) {}

void Journal::start_after(int64_t step) {
  metrics_.start_after(step);
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
  metrics_.add(step, values);
  events_->scalar("run/rate", step, progress.rate);
  events_->scalar("run/seconds_per_step", step, progress.seconds_per_step);
  folder_.say(line + "  rate " + text_of(progress.rate, 3) + "  " +
              fixed_text_of(progress.seconds_per_step, 3) + " s/step, data " +
              fixed_text_of(100 * progress.data_share, 1) + " %, left " + duration(progress.seconds_left));
}

void Journal::quality(int64_t step, const ValidationResult& result) {
  measures_.add(step, {result.name, fixed_text_of(result.ours.psnr, 4), fixed_text_of(result.ours.ssim, 5),
                       fixed_text_of(result.bicubic.psnr, 4), fixed_text_of(result.bicubic.ssim, 5)});
  events_->scalar("psnr/" + result.name, step, result.ours.psnr);
  events_->scalar("ssim/" + result.name, step, result.ours.ssim);
  if (!result.sample.empty())
    events_->image("samples/" + result.name, step, result.sample_width, result.sample_height,
                   bytes_of(result.sample));
  folder_.say("step " + std::to_string(step) + "  " + result.name + ": Y-PSNR " +
              fixed_text_of(result.ours.psnr, 2) + " dB, SSIM " + fixed_text_of(result.ours.ssim, 4) +
              "  (bicubic " + fixed_text_of(result.bicubic.psnr, 2) + " dB, " +
              fixed_text_of(result.bicubic.ssim, 4) + ")");
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
