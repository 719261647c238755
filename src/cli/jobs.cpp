#include "cli/jobs.h"

#include <esrgan/error.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "image/rows.h"

namespace esrgan::cli {
namespace {

namespace fs = std::filesystem;

/// Extensions of containers that OpenImageIO can open but that hold no still picture.
bool is_picture(const fs::path& path) {
  static const char* const films[] = {".mp4", ".avi", ".mov", ".m4v", ".mkv", ".qt", ".m4a", ".3gp", ".mj2"};
  const std::string extension = path.extension().string();
  if (path.filename().string().starts_with(".") || extension.empty()) return false;
  return std::none_of(std::begin(films), std::end(films),
                      [&](const char* film) { return extension == film; }) &&
         can_read(extension);
}

template <typename Iterator>
std::vector<fs::path> pictures(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const auto& entry : Iterator(folder, fs::directory_options::skip_permission_denied))
    if (entry.is_regular_file() && is_picture(entry.path())) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

class Planner {
 public:
  explicit Planner(const JobRequest& request) : request_(request) {
    if (!request.format.empty() && !can_write(request.format))
      throw Error("", "--format", "an extension that can be written, such as png, jpg, tif or webp",
                  request.format);
  }

  std::vector<FileJob> plan() {
    for (const std::string& input : request_.inputs) {
      if (fs::is_directory(input))
        add_folder(fs::path(input));
      else
        add(input, single_target(input));
    }
    return std::move(jobs_);
  }

 private:
  fs::path with_format(fs::path path) const {
    if (!request_.format.empty()) return path.replace_extension(request_.format);
    if (!can_write(path.extension().string()) || path.extension() == ".gif") path.replace_extension(".png");
    return path;
  }

  fs::path single_target(const fs::path& input) const {
    const fs::path output = request_.output;
    if (output.empty())
      return with_format(input.parent_path() /
                         (input.stem().string() + request_.suffix + input.extension().string()));
    const bool is_file = request_.inputs.size() == 1 && output.has_extension() && output.has_filename() &&
                         !fs::is_directory(output);
    return is_file ? output : output / with_format(input.filename());
  }

  void add_folder(fs::path folder) {
    if (!folder.has_filename()) folder = folder.parent_path();  // "photos/"
    const fs::path target =
        request_.output.empty() ? fs::path(folder.string() + request_.suffix) : fs::path(request_.output);
    const auto files = request_.recursive ? pictures<fs::recursive_directory_iterator>(folder)
                                          : pictures<fs::directory_iterator>(folder);
    if (files.empty()) throw Error(folder.string(), "there is no picture in this folder");
    for (const fs::path& file : files) add(file, with_format(target / fs::relative(file, folder)));
  }

  void add(const fs::path& input, const fs::path& output) {
    std::error_code absent;
    if (fs::equivalent(input, output, absent))
      throw Error(input.string(), "the output would replace its input");
    const auto [other, inserted] = taken_.emplace(output.lexically_normal().string(), input.string());
    if (!inserted)
      throw Error(output.string(), "two inputs would be written to this file", "",
                  other->second + " and " + input.string());
    jobs_.push_back({input.string(), output.string()});
  }

  const JobRequest& request_;
  std::vector<FileJob> jobs_;
  std::map<std::string, std::string> taken_;
};

}  // namespace

std::vector<FileJob> plan_jobs(const JobRequest& request) {
  return Planner(request).plan();
}

}  // namespace esrgan::cli
