// The metrics that a recipe can ask for.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "train/run/metric.h"
#include "train/settings.h"

namespace esrgan::train {

using MakeMetric = std::function<std::shared_ptr<const Metric>()>;

/// How a run measures what it has come to: the section `validation`.
struct MeasuringRecipe {
  std::vector<MakeMetric> metrics;
  std::string best;  ///< the metric that tells which model is best; "usual": PSNR where that is what is
                     ///< trained for, "none"
  bool all_pictures = false;  ///< all enlarged pictures are kept, not only a sample of each set
};

struct MetricKind {
  const char* name;  ///< in recipes and tables
  MakeMetric (*read)(Settings& settings);
};

MeasuringRecipe read_measuring(Settings settings);

}  // namespace esrgan::train
