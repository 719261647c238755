// The folder of a run: what was asked for, what happened, and what came of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/platform_file.h"

namespace esrgan::train {

/// Rows of numbers with the step in front, in a file that grows; rows of steps that are to be done again are
/// dropped.
class CsvLog {
 public:
  CsvLog(std::filesystem::path file, std::vector<std::string> columns);
  /// Keeps the rows up to `step` and goes on after them.
  void start_after(int64_t step);
  void add(int64_t step, const std::vector<std::string>& values);

 private:
  std::string header() const;
  std::filesystem::path file_;
  std::vector<std::string> columns_;
  std::ofstream stream_;
};

/// A table as CsvLog writes it: the first of the columns is the step. Rows that are not whole are left out;
/// no file is an empty table.
struct CsvTable {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
};
CsvTable read_csv(const std::filesystem::path& file);

void write_text(const std::filesystem::path& file, const std::string& text);

/// A folder with recipe.yml (of earlier resumes: recipe.1.yml, ...), log.txt, metrics.csv,
/// validation.csv, gradients.csv, gradients.svg, report.html, TensorBoard's event files, checkpoints/,
/// models/ and samples/.
class RunFolder {
 public:
  /// Makes the folder, and has it alone while this lives. Throws Error when a run is there already and
  /// `resume` is not set, when another process trains there, or the disk refuses.
  /// `recipe`: as it was resolved.
  RunFolder(std::filesystem::path path, const std::string& recipe, bool resume);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path checkpoints() const { return path_ / "checkpoints"; }
  std::filesystem::path model(const std::string& name) const {
    return path_ / "models" / (name + ".safetensors");
  }
  std::filesystem::path sample(const std::string& name) const { return path_ / "samples" / (name + ".png"); }
  /// Of all pictures of a validation.
  std::filesystem::path samples(const std::string& name) const { return path_ / "samples" / name; }

  /// One line, with the time, to log.txt and standard error.
  void say(const std::string& text);

 private:
  void keep_recipe(const std::string& recipe);

  std::filesystem::path path_;
  std::optional<FileHandle> lock_;
  std::ofstream log_;
};

}  // namespace esrgan::train
