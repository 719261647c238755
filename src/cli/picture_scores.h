// The numbers by which enlarged pictures are judged, as evaluate and metrics give them.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "device/device.h"
#include "metrics/features.h"
#include "metrics/metrics.h"
#include "metrics/naturalness.h"

namespace CLI {
class App;
}

namespace esrgan::cli {

/// One for each of a judge's names; none where it cannot be told.
using Scores = std::vector<std::optional<double>>;

class PictureJudge {
 public:
  /// Adds --features, --lpips and --natural to a command; `this` must outlive it.
  void describe(CLI::App& app);
  /// After parsing: opens what was asked for. PSNR and SSIM are told for each of `channels`.
  void open(std::vector<MetricChannels> channels, int threads);

  /// Y and RGB are compared after cutting `crop` pixels from each side.
  Scores of(const FloatImage& truth, const FloatImage& found, int crop);
  /// Of a picture without a true one: its naturalness.
  Scores alone(const FloatImage& picture) const;

  /// The names as heads of columns, and scores below them.
  std::string head() const;
  std::string row(const Scores& scores) const;
  nlohmann::ordered_json json(const Scores& scores) const;

 private:
  struct Column {
    std::string name, head;  ///< in JSON and in tables
    int digits;              ///< behind the point, in tables
  };
  void add_column(const std::string& name, const std::string& head, int digits);
  std::optional<double> naturalness_of(const FloatImage& picture) const;

  std::string features_file_, heads_file_, natural_file_;
  std::vector<MetricChannels> channels_;
  std::vector<Column> columns_;
  NaturalStatistics natural_;
  std::optional<ThreadPool> pool_;
  std::unique_ptr<Device> device_;
  std::optional<FeatureDistance> features_;
};

/// The mean of those that can be told.
Scores mean_of(const std::vector<Scores>& all);

}  // namespace esrgan::cli
