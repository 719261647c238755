#include "video/work_folder.h"

#include <esrgan/error.h>

#include <cstdio>
#include <fstream>
#include <functional>

#include "base/errors.h"
#include "base/file.h"

namespace esrgan::video {
namespace {

namespace fs = std::filesystem;
constexpr const char* job_file = "job.json";

/// What the keys of a job are to users.
std::string name_of_part(const std::string& key) {
  if (key == "input") return "the film";
  if (key == "model") return "the model";
  if (key == "version") return "the program's version";
  if (key == "size") return "--width, --height, --fit or --longest";
  return "--" + key;
}

std::string value_text(const nlohmann::json& value) {
  const bool unset = value.is_null() || value == nlohmann::json("") || value == 0 || value == -1 ||
                     value == false || (value.is_array() && value.empty());
  return unset ? "not given" : value.dump();
}

/// "--crf: 18 there, 20 here" for the first thing in which two jobs differ.
std::string difference(const nlohmann::json& there, const nlohmann::json& here) {
  if (there.value("version", "") != here.value("version", "")) return name_of_part("version");
  for (const auto& [key, value] : here.items()) {
    const nlohmann::json other = there.contains(key) ? there[key] : nlohmann::json();
    if (other == value) continue;
    const bool contents = key == "input" || key == "model";  // checksums, which tell users nothing
    return name_of_part(key) +
           (contents ? " is another" : ": " + value_text(other) + " there, " + value_text(value) + " here");
  }
  return "something else";
}

/// A name beside the output's, which must not become too long for the file system.
fs::path folder_of(const std::string& output) {
  constexpr size_t longest = 255;
  const std::string suffix = ".parts";
  const fs::path path(output);
  std::string name = path.filename().string();
  if (name.size() + suffix.size() <= longest) return output + suffix;
  const std::string sum = "-" + std::to_string(std::hash<std::string>()(name));
  size_t length = longest - suffix.size() - sum.size();
  while (length > 0 && (static_cast<unsigned char>(name[length]) & 0xC0U) == 0x80U)
    --length;  // whole letters
  return path.parent_path() / (name.substr(0, length) + sum + suffix);
}

}  // namespace

WorkFolder::WorkFolder(const std::string& output) : folder_(folder_of(output)) {}

WorkFolder::~WorkFolder() {
  if (lock_ && alone_ && is_empty()) remove();
}

bool WorkFolder::is_empty() const {
  std::error_code failure;
  for (const fs::path& path : paths_in(folder_, failure))
    if (path.filename().string().starts_with("segment-")) return false;
  return !failure;
}

nlohmann::json WorkFolder::job() const {
  std::ifstream file(folder_ / job_file);
  if (!file) throw Error(ErrorKind::not_found, folder_.string(), "holds no unfinished film");
  nlohmann::json job = nlohmann::json::parse(file, nullptr, false);
  if (job.is_discarded()) throw Error(ErrorKind::bad_data, (folder_ / job_file).string(), "is damaged");
  return job;
}

void WorkFolder::begin(const nlohmann::json& job, const Share& share, bool restart) {
  alone_ = share.count == 1;
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) throw file_error(folder_.string(), "cannot be made", error.value());
  const fs::path lock =
      folder_ / ("lock-" + std::to_string(share.number) + "-of-" + std::to_string(share.count));
  lock_ = FileHandle::lock(lock, lock.string());
  if (!lock_)
    throw Error(ErrorKind::io, folder_.string(), "another process is at work on the same film",
                "to be called when it has ended, or another output");
  if (fs::exists(folder_ / job_file) && !restart) {
    const nlohmann::json there = this->job();
    if (there.value("frames", nlohmann::json()) != job.at("frames"))
      throw Error(ErrorKind::io, folder_.string(), "belongs to another job",
                  "the same command, or --restart to begin again, or another output",
                  difference(there.value("frames", nlohmann::json::object()), job.at("frames")));
  }
  if (restart)
    for (const fs::path& path : paths_in(folder_, error))
      if (path != lock) fs::remove(path, error);
  const std::string text = job.dump(1) + "\n";
  write_file(folder_ / job_file, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

std::string WorkFolder::segment(size_t number) const {
  char name[32];
  std::snprintf(name, sizeof name, "segment-%06zu", number);
  return (folder_ / name).string();
}

bool WorkFolder::has(size_t number) const {
  return fs::exists(segment(number));
}

void WorkFolder::remove() {
  std::error_code ignored;
  lock_.reset();
  fs::remove_all(folder_, ignored);
}

}  // namespace esrgan::video

std::string esrgan::work_folder_of(const std::string& output) {
  return video::folder_of(output).string();
}
