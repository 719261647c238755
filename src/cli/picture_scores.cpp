#include "cli/picture_scores.h"

#include <esrgan/error.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <utility>

#include "base/text.h"

namespace esrgan::cli {
namespace {

constexpr size_t column_width = 10;

std::string in_column(const std::string& text) {
  return std::string(column_width - std::min(column_width, text.size()), ' ') + text;
}

}  // namespace

void PictureJudge::describe(CLI::App& app) {
  CLI::Option* features =
      app.add_option(
             "--features", features_file_,
             "Weights of torchvision's VGG16: also the distance of the pictures' features (less is better)")
          ->type_name("FILE");
  app.add_option("--lpips", heads_file_, "The published heads (vgg.pth): also LPIPS (less is better)")
      ->type_name("FILE")
      ->needs(features);
  app.add_option("--natural", natural_file_,
                 "Naturalness (less is better) by these statistics ('esrgan data statistics') instead of "
                 "those of the program")
      ->type_name("FILE");
}

void PictureJudge::add_column(const std::string& name, const std::string& head, int digits) {
  columns_.push_back({name, head, digits});
}

void PictureJudge::open(std::vector<MetricChannels> channels, int threads) {
  channels_ = std::move(channels);
  for (const MetricChannels each : channels_) {
    const bool luma = each == MetricChannels::y, several = channels_.size() > 1;
    add_column(std::string("psnr") + (several ? (luma ? "_y" : "_rgb") : ""), luma ? "PSNR-Y" : "PSNR-RGB",
               2);
    add_column(std::string("ssim") + (several ? (luma ? "_y" : "_rgb") : ""), luma ? "SSIM-Y" : "SSIM-RGB",
               4);
  }
  add_column("naturalness", "natural", 2);
  natural_ = natural_file_.empty() ? usual_natural_statistics() : read_natural_statistics(natural_file_);
  if (features_file_.empty()) return;
  pool_.emplace(threads);
  device_ = open_device("auto", *pool_);
  features_.emplace(features_file_, heads_file_, *device_);
  add_column("features", "features", 4);
  if (!heads_file_.empty()) add_column("lpips", "LPIPS", 4);
}

std::optional<double> PictureJudge::naturalness_of(const FloatImage& picture) const {
  try {
    return naturalness(picture, natural_);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::invalid_argument) throw;
    return {};  // too small, or nothing in it
  }
}

Scores PictureJudge::of(const FloatImage& truth, const FloatImage& found, int crop) {
  Scores scores;
  for (const MetricChannels each : channels_) {
    const Quality quality = compare(truth, found, crop, each);
    scores.emplace_back(quality.psnr);
    scores.emplace_back(quality.ssim);
  }
  scores.push_back(naturalness_of(found));
  if (!features_) return scores;
  const PerceptualDistance distance = features_->of(truth, found);
  scores.emplace_back(distance.features);
  if (distance.lpips) scores.push_back(distance.lpips);
  return scores;
}

Scores PictureJudge::alone(const FloatImage& picture) const {
  Scores scores(columns_.size());
  scores[2 * channels_.size()] = naturalness_of(picture);
  return scores;
}

std::string PictureJudge::head() const {
  std::string text;
  for (const Column& column : columns_) text += in_column(column.head);
  return text;
}

std::string PictureJudge::row(const Scores& scores) const {
  std::string text;
  for (size_t i = 0; i < scores.size(); ++i)
    text += in_column(scores[i] ? fixed_text_of(*scores[i], columns_[i].digits) : "-");
  return text;
}

// JSON has no infinity: equal pictures have a null PSNR.
nlohmann::ordered_json PictureJudge::json(const Scores& scores) const {
  nlohmann::ordered_json document;
  for (size_t i = 0; i < scores.size(); ++i)
    document[columns_[i].name] = scores[i] && std::isfinite(*scores[i]) ? nlohmann::ordered_json(*scores[i])
                                                                        : nlohmann::ordered_json();
  return document;
}

Scores mean_of(const std::vector<Scores>& all) {
  Scores mean(all.empty() ? 0 : all.front().size());
  for (size_t i = 0; i < mean.size(); ++i) {
    double sum = 0;
    int count = 0;
    for (const Scores& scores : all)
      if (scores[i]) sum += *scores[i], ++count;
    if (count > 0) mean[i] = sum / count;
  }
  return mean;
}

}  // namespace esrgan::cli
