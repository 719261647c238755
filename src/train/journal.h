// What a run tells about itself: log, tables, TensorBoard's events, pictures, report.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "train/event_file.h"
#include "train/parameters.h"
#include "train/run_folder.h"
#include "train/validation.h"

namespace esrgan::train {

/// Means over the steps since the last line.
struct Progress {
  std::map<std::string, double> losses;
  double rate = 0;  ///< the generator's learning rate
  double seconds_per_step = 0;
  double data_share = 0;  ///< of the time, spent waiting for patches
  double seconds_left = 0;
};

class Journal {
 public:
  /// Makes the run's folder, or goes on in it.
  Journal(const Recipe& recipe, bool resume);

  RunFolder& folder() { return folder_; }
  /// What is known of later steps is dropped: they are done (again).
  void start_after(int64_t step);
  void progress(int64_t step, const Progress& progress);
  void quality(int64_t step, const ValidationResult& result);
  /// The gradients' norms, layer by layer: gradients.csv keeps the newest, gradients.svg shows them.
  void gradients(int64_t step, const std::vector<LayerNorm>& norms);
  void report();

  /// The losses that this recipe has, in the order of the table.
  static std::vector<std::string> loss_names(const Recipe& recipe);

 private:
  Recipe recipe_;
  RunFolder folder_;
  CsvLog metrics_, measures_;
  std::optional<EventFile> events_;
};

}  // namespace esrgan::train
