#include "train/run/run_folder.h"

#include <esrgan/error.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <sstream>
#include <utility>

#include "base/errors.h"
#include "base/file.h"
#include "train/settings.h"

namespace esrgan::train {
namespace {

constexpr const char* recipe_file = "recipe.yml";

namespace fs = std::filesystem;

std::string now() {
  std::array<char, 32> text{};
  const std::time_t time = std::time(nullptr);
  std::tm parts{};
  localtime_r(&time, &parts);
  std::strftime(text.data(), text.size(), "%F %T", &parts);
  return text.data();
}

std::vector<std::string> split(const std::string& row) {
  std::vector<std::string> values;
  std::istringstream stream(row);
  for (std::string value; std::getline(stream, value, ',');) values.push_back(value);
  return values;
}

}  // namespace

void write_text(const fs::path& file, const std::string& text) {
  write_file(file, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

CsvTable read_csv(const fs::path& file) {
  CsvTable table;
  std::ifstream stream(file);
  std::string row;
  if (!std::getline(stream, row)) return table;
  table.columns = split(row);
  while (std::getline(stream, row) && !stream.eof()) {
    auto values = split(row);
    if (values.size() == table.columns.size()) table.rows.push_back(std::move(values));
  }
  return table;
}

CsvLog::CsvLog(fs::path file, std::vector<std::string> columns)
    : file_(std::move(file)), columns_(std::move(columns)) {}

std::string CsvLog::header() const {
  std::string text = "step";
  for (const std::string& column : columns_) text += "," + column;
  return text;
}

void CsvLog::start_after(int64_t step) {
  std::string kept = header() + "\n";
  {
    std::ifstream old(file_);
    std::string row;
    std::getline(old, row);
    // A row without its end was being written when the run was killed.
    while (std::getline(old, row) && !old.eof())
      if (std::strtoll(row.c_str(), nullptr, 10) <= step) kept += row + "\n";
  }
  write_text(file_, kept);
  stream_ = std::ofstream();
  stream_.open(file_, std::ios::app);
}

void CsvLog::add(int64_t step, const std::vector<std::string>& values) {
  stream_ << step;
  for (const std::string& value : values) stream_ << ',' << value;
  stream_ << std::endl;
  if (!stream_) throw Error(ErrorKind::io, file_.string(), "cannot be written to (is the disk full?)");
}

RunFolder::RunFolder(fs::path path, const std::string& recipe, bool resume) : path_(std::move(path)) {
  if (fs::exists(path_ / recipe_file) && !resume)
    throw Error(ErrorKind::io, path_.string(), "holds a run already",
                "--resume to go on with it, or another name in the recipe", "");
  std::error_code error;
  for (const char* inner : {"checkpoints", "models", "samples"})
    if (!error) fs::create_directories(path_ / inner, error);
  if (error) throw file_error(path_.string(), "cannot be made", error.value());
  lock_ = FileHandle::lock(path_ / ".lock", path_.string());
  if (!lock_) throw Error(ErrorKind::io, path_.string(), "another process trains there");
  log_.open(path_ / "log.txt", std::ios::app);
  keep_recipe(recipe);
}

/// Tells what has changed since the run was begun or resumed, and keeps what it was.
void RunFolder::keep_recipe(const std::string& recipe) {
  const fs::path copy = path_ / recipe_file;
  if (fs::exists(copy)) {
    const MappedFile before(copy);
    const std::vector<std::string> changes =
        changed_keys({before.bytes().begin(), before.bytes().end()}, recipe);
    if (!changes.empty()) {
      int number = 1;
      const auto old = [&] { return path_ / ("recipe." + std::to_string(number) + ".yml"); };
      while (fs::exists(old())) ++number;
      fs::rename(copy, old());
      for (const std::string& change : changes) say("the recipe has changed: " + change);
    }
  }
  write_text(copy, recipe);
}

void RunFolder::say(const std::string& text) {
  log_ << now() << "  " << text << std::endl;
  std::cerr << text << std::endl;
}

}  // namespace esrgan::train
