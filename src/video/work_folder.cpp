#include "video/work_folder.h"

#include <esrgan/error.h>

#include <cstdio>
#include <fstream>

#include "base/errors.h"
#include "base/file.h"

namespace esrgan::video {
namespace {

namespace fs = std::filesystem;
constexpr const char* job_file = "job.json";

/// "crf (18 there, 20 here)" for the first thing in which two jobs differ.
std::string difference(const nlohmann::json& there, const nlohmann::json& here) {
  for (const auto& [key, value] : here.items()) {
    const nlohmann::json other = there.contains(key) ? there[key] : nlohmann::json();
    if (other == value) continue;
    if (value.is_object() && other.is_object()) return difference(other, value);
    return key + " (" + other.dump() + " there, " + value.dump() + " here)";
  }
  return "the program's version";
}

}  // namespace

WorkFolder::WorkFolder(const std::string& output) : folder_(output + ".parts") {}

nlohmann::json WorkFolder::job() const {
  std::ifstream file(folder_ / job_file);
  if (!file) throw Error(ErrorKind::not_found, folder_.string(), "holds no unfinished film");
  nlohmann::json job = nlohmann::json::parse(file, nullptr, false);
  if (job.is_discarded()) throw Error(ErrorKind::bad_data, (folder_ / job_file).string(), "is damaged");
  return job;
}

void WorkFolder::begin(const nlohmann::json& job, bool restart) {
  if (restart) remove();
  if (fs::exists(folder_ / job_file)) {
    nlohmann::json there = this->job(), here = job;
    for (nlohmann::json* each : {&there, &here})  // names may be other ways to the same files
      if (each->contains("mux")) {
        each->at("mux").erase("output");
        each->at("mux").erase("others");
      }
    if (there != here)
      throw Error(ErrorKind::io, folder_.string(), "belongs to another job",
                  "the same command, or --restart to begin again, or another output",
                  difference(there, here));
  } else {
    std::error_code error;
    fs::create_directories(folder_, error);
    if (error) throw file_error(folder_.string(), "cannot be made", error.value());
    const std::string text = job.dump(1) + "\n";
    write_file(folder_ / job_file, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  }
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
  fs::remove_all(folder_, ignored);
}

}  // namespace esrgan::video
