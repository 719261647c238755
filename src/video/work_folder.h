// What an unfinished job has made so far, beside its output.
#pragma once

#include <esrgan/video.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/platform_file.h"

namespace esrgan::video {

class WorkFolder {
 public:
  explicit WorkFolder(const std::string& output);
  /// A folder in which nothing was made goes, unless other shares use it.
  ~WorkFolder();
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  WorkFolder(WorkFolder&&) = delete;
  WorkFolder& operator=(WorkFolder&&) = delete;

  /// Takes up the job, or this share of it: makes the folder, or checks that it belongs to the same job.
  /// job["frames"] tells all that the frames depend on; the rest is for who joins them. Throws Error naming
  /// what differs, or when another process works on the same share.
  void begin(const nlohmann::json& job, const Share& share, bool restart);
  /// The job that the folder belongs to. Throws Error when there is none.
  nlohmann::json job() const;

  std::string segment(size_t number) const;
  bool has(size_t number) const;
  /// Removes the folder and all that is in it.
  void remove();

 private:
  bool is_empty() const;

  std::filesystem::path folder_;
  std::optional<FileHandle> lock_;
  bool alone_ = false;  // no other share may be at work in it
};

}  // namespace esrgan::video
