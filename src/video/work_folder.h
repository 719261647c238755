// What an unfinished job has made so far, beside its output.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace esrgan::video {

class WorkFolder {
 public:
  explicit WorkFolder(const std::string& output);

  /// Takes up the job: makes the folder, or checks that it belongs to the same job. `job` tells all that the
  /// frames depend on; throws Error naming what differs.
  void begin(const nlohmann::json& job, bool restart);
  /// The job that the folder belongs to. Throws Error when there is none.
  nlohmann::json job() const;

  std::string segment(size_t number) const;
  bool has(size_t number) const;
  /// Removes the folder and all that is in it.
  void remove();

 private:
  std::filesystem::path folder_;
};

}  // namespace esrgan::video
