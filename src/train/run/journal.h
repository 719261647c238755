// What a run tells about itself: log, tables, TensorBoard's events, pictures, report.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "train/networks/trained_network.h"
#include "train/recipe.h"
#include "train/run/event_file.h"
#include "train/run/run_folder.h"
#include "train/run/validation.h"

namespace esrgan::train {

/// Means over the steps since the last line.
struct Progress {
  std::map<std::string, double> losses;  ///< those that there were
  double rate = 0;                       ///< the generator's learning rate
  double seconds_per_step = 0;
  double data_share = 0;  ///< of the time, spent waiting for patches
  double seconds_left = 0;
};

class Journal {
 public:
  /// Makes the run's folder, or goes on in it. `losses`, `metrics`: their names, in the order of the tables.
  Journal(const Recipe& recipe, std::vector<std::string> losses, std::vector<std::string> metrics,
          bool resume);

  RunFolder& folder() { return folder_; }
  /// What is known of later steps is dropped: they are done (again).
  void start_after(int64_t step);
  void progress(int64_t step, const Progress& progress);
  void quality(int64_t step, const ValidationResult& result);
  /// The gradients' norms of each network, layer by layer: gradients.csv keeps the newest, gradients.svg
  /// shows those of the first network.
  void gradients(int64_t step, const std::vector<TrainedNetwork*>& networks);
  void report();

 private:
  Recipe recipe_;
  std::vector<std::string> losses_, metrics_;
  RunFolder folder_;
  CsvLog steps_, measures_;
  std::optional<EventFile> events_;
};

}  // namespace esrgan::train
