#include "cli/jobs.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "base/errors.h"
#include "cli/output_name.h"
#include "image/writer.h"

namespace esrgan::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* standard_stream = "-";

/// A folder that is called "-" has to be given as "./-", as files are.
bool is_folder(const fs::path& path) {
  if (path == standard_stream) return false;
  std::error_code absent;
  return fs::is_directory(path, absent);
}

/// "photos/" and "photos/." -> "photos".
fs::path without_trailing_dots(fs::path folder) {
  while (folder.has_parent_path() && folder.has_relative_path() &&
         (!folder.has_filename() || folder.filename() == "."))
    folder = folder.parent_path();
  return folder;
}

/// The path with links followed as far as it exists.
fs::path resolved(const fs::path& path) {
  std::error_code error;
  fs::path result = fs::weakly_canonical(path.empty() ? "." : path, error);
  if (error) result = fs::absolute(path, error).lexically_normal();
  return without_trailing_dots(result);
}

/// Whether a folder is `outer` or lies in it.
bool is_within(const fs::path& folder, const fs::path& outer) {
  const fs::path from = resolved(folder).lexically_relative(resolved(outer));
  return !from.empty() && *from.begin() != "..";
}

/// "a, b, c and 4 more".
std::string listed(const std::vector<std::string>& names) {
  constexpr size_t most = 5;
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), most); ++i) text += (i > 0 ? ", " : "") + names[i];
  if (names.size() > most) text += " and " + std::to_string(names.size() - most) + " more";
  return text;
}

/// An input with a name for its output.
struct Candidate {
  std::string input;
  fs::path folder;        // that the output goes to
  std::string file_name;  // that the output is called after
  bool beside;            // the folder is the input's own
  fs::path identity;      // the input, with links followed
  std::string output;
  fs::path place;       // of the output, in one spelling
  bool through_link{};  // the output is a link to that place, and will be written through
};

class Planner {
 public:
  explicit Planner(const JobRequest& request)
      : request_(request), pattern_(request.name), format_(plain(request.format)) {
    check_names();
    check_output();
  }

  Plan plan() {
    std::vector<fs::path> folders;
    for (const std::string& input : request_.inputs)
      if (is_folder(input)) folders.emplace_back(output_folder(request_, input));
    for (const std::string& input : request_.inputs) add_input(input, folders);
    if (!one_output_) name_outputs();
    settle();
    remark();
    return std::move(plan_);
  }

 private:
  static std::string plain(const std::string& format) {
    return format.starts_with('.') ? format.substr(1) : format;
  }

  void check_names() {
    if (!format_.empty() && !can_write(format_))
      throw Error(ErrorKind::invalid_argument, "", "--format",
                  "an extension that can be written, such as png, jpg, tif or webp", request_.format);
    if (request_.suffix.find('/') != std::string::npos || request_.suffix.size() > longest_tail / 2)
      throw Error(ErrorKind::invalid_argument, "", "--suffix", "a short piece of a name, without folders",
                  "'" + request_.suffix + "'");
    if (pattern_.extension().empty()) return;
    if (!format_.empty() && !same_kind(format_, pattern_.extension())) contradict("--name", request_.name);
    if (format_.empty()) format_ = plain(pattern_.extension());
  }

  [[noreturn]] void contradict(const std::string& what, const std::string& found) const {
    throw Error(ErrorKind::invalid_argument, "", what + " and --format contradict each other", "",
                "'" + found + "' and '" + request_.format + "'");
  }

  void check_output() {
    const fs::path output = request_.output;
    const bool single = request_.inputs.size() == 1 && !is_folder(request_.inputs.front());
    if (request_.output == standard_stream) {
      if (!single)
        throw Error(ErrorKind::invalid_argument, "several pictures cannot be written to standard output");
      one_output_ = true;
    } else if (output.has_filename() && output.has_extension() && !is_folder(output)) {
      if (single)
        check_file(output);
      else if (has_picture_extension(output))
        throw Error(ErrorKind::invalid_argument, request_.output,
                    request_.inputs.size() == 1 ? "a folder cannot be written to one picture; give a folder"
                                                : several_to_one());
    }
    if (one_output_ && (!request_.name.empty() || request_.suffix_always))
      throw Error(ErrorKind::invalid_argument, request_.output,
                  "--name and --suffix name outputs in a folder, and this is a file");
    std::error_code absent;
    if (!one_output_ && !output.empty() && fs::exists(output, absent) && !is_folder(output))
      throw Error(ErrorKind::invalid_argument, request_.output, "exists, and is not a folder");
  }

  std::string several_to_one() const {
    const size_t count = request_.inputs.size();
    return (count == 2 ? "two" : std::to_string(count)) +
           " inputs cannot be written to one picture; give a folder";
  }

  void check_file(const fs::path& output) {
    const std::string extension = output.extension().string();
    if (!format_.empty() && !same_kind(format_, extension)) contradict("the output", request_.output);
    if (!can_write(extension))
      throw Error(ErrorKind::invalid_argument, request_.output, "format",
                  "an extension that can be written, or a folder (with a / at its end)", extension);
    one_output_ = true;
  }

  void add_input(const std::string& input, const std::vector<fs::path>& output_folders) {
    if (input == standard_stream) {
      add({input, request_.output, "stdin", request_.output.empty(), input, {}, {}});
      return;
    }
    if (is_folder(input)) {
      add_folder(input, output_folders);
      return;
    }
    std::string reason = reason_not_to_open(input);
    if (reason.empty() && is_film(input)) reason = "this is a film: esrgan video FILE -o OUTPUT enlarges it";
    if (!reason.empty()) {
      plan_.failed.push_back({input, reason});
      return;
    }
    const fs::path path(input);
    const bool beside = request_.output.empty();
    add({input,
         beside ? path.parent_path() : fs::path(request_.output),
         path.filename().string(),
         beside,
         resolved(path),
         {},
         {}});
  }

  void add_folder(const std::string& input, const std::vector<fs::path>& output_folders) {
    const fs::path folder = without_trailing_dots(input), target = output_folder(request_, input);
    // The next run would count the outputs of this one, and so number them otherwise.
    if (pattern_.numbered() && is_within(folder, target))
      throw Error(ErrorKind::invalid_argument, target.string(),
                  "outputs with {n} in their name need a folder apart from the inputs");
    const FolderContent content = look_into(folder, request_.recursive, output_folders);
    if (content.pictures.empty() && content.failed.empty())
      plan_.failed.push_back({input, content.reason_of_nothing(request_.recursive)});
    plan_.failed.insert(plan_.failed.end(), content.failed.begin(), content.failed.end());
    unreadable_.insert(unreadable_.end(), content.unreadable.begin(), content.unreadable.end());
    films_.insert(films_.end(), content.films.begin(), content.films.end());
    for (const fs::path& picture : content.pictures)
      add({(folder / picture).string(),
           target / picture.parent_path(),
           picture.filename().string(),
           false,
           resolved(folder / picture),
           {},
           {}});
  }

  /// A file that goes to the same folder already stays one, and keeps its own name rather than a link's.
  void add(Candidate candidate) {
    const auto [known, is_new] =
        known_.try_emplace({candidate.identity, place_of_folder(candidate.folder)}, candidates_.size());
    if (is_new) {
      candidates_.push_back(std::move(candidate));
      return;
    }
    std::error_code ignored;
    Candidate& first = candidates_[known->second];
    if (fs::is_symlink(first.input, ignored) && !fs::is_symlink(candidate.input, ignored))
      first = std::move(candidate);
  }

  /// One spelling for all ways to a folder.
  const fs::path& place_of_folder(const fs::path& folder) {
    const auto found = places_.find(folder);
    return found != places_.end() ? found->second : places_.emplace(folder, resolved(folder)).first->second;
  }

  void name_outputs() {
    size_t number = 0;
    for (Candidate& candidate : candidates_) {
      ++number;
      if (candidate.input == standard_stream && request_.output.empty()) {
        candidate.output = candidate.place = standard_stream;
        continue;
      }
      const std::string name = output_name(candidate, number);
      candidate.output = (candidate.folder / name).string();
      std::error_code ignored;
      candidate.through_link = fs::is_symlink(candidate.output, ignored);
      candidate.place =
          candidate.through_link ? resolved(candidate.output) : place_of_folder(candidate.folder) / name;
    }
  }

  std::string output_name(const Candidate& candidate, size_t number) const {
    const SplitName split(candidate.file_name);
    std::string extension = split.extension;
    if (!format_.empty())
      extension = "." + format_;
    else if (!can_write(extension) || plain_extension(extension) == "gif")
      extension = ".png";
    const bool with_suffix = request_.suffix_always || (candidate.beside && pattern_.empty());
    std::string stem = split.stem;
    if (!pattern_.empty())
      stem = pattern_.fill({split.stem, split.extension.empty() ? "" : split.extension.substr(1),
                            request_.scale_text, request_.model_name, number});
    if (stem.empty()) stem = split.stem;
    return fitting_name(stem, (with_suffix ? request_.suffix : "") + extension);
  }

  void settle() {
    if (one_output_)
      for (Candidate& only : candidates_) only.output = only.place = request_.output;
    std::set<fs::path> inputs, outputs;
    for (const Candidate& candidate : candidates_) inputs.insert(candidate.identity);
    for (const Candidate& candidate : candidates_)
      if (candidate.place != candidate.identity &&
          !(candidate.through_link && inputs.contains(candidate.place)))
        outputs.insert(candidate.place);
    std::map<fs::path, std::string> taken;  // output, and the input that it is of
    for (const Candidate& candidate : candidates_) {
      if (candidate.input != standard_stream && outputs.contains(candidate.identity))
        own_outputs_.push_back(candidate.input);
      else if (const std::string reason = reason_to_fail(candidate, inputs, taken); !reason.empty())
        plan_.failed.push_back({candidate.input, reason});
      else
        plan_.jobs.push_back({candidate.input, candidate.output});
    }
  }

  /// Empty when there is none; the output is taken then.
  std::string reason_to_fail(const Candidate& candidate, const std::set<fs::path>& inputs,
                             std::map<fs::path, std::string>& taken) const {
    std::error_code absent;
    if (candidate.output != standard_stream && fs::equivalent(candidate.input, candidate.output, absent))
      return "the output would replace its input";
    if (candidate.through_link && inputs.contains(candidate.place))
      return "the output, a link, would replace another input: " + candidate.place.string();
    const auto [other, is_first] = taken.try_emplace(candidate.place, candidate.input);
    return is_first ? "" : reason_of_collision(candidate, other->second);
  }

  std::string reason_of_collision(const Candidate& candidate, const std::string& other) const {
    const bool kinds_differ =
        SplitName(candidate.file_name).extension != SplitName(fs::path(other).filename().string()).extension;
    return "two inputs would be written to " + candidate.output + ": " + other + " and " + candidate.input +
           "; --name '{name}-" + (kinds_differ ? "{ext}" : "{n}") + "' gives each its own";
  }

  void remark() {
    const auto add = [&](const std::vector<std::string>& names, const std::string& one,
                         const std::string& several) {
      if (names.empty()) return;
      const std::string count = std::to_string(names.size());
      plan_.remarks.push_back((names.size() == 1 ? "1 " + one + " was" : count + " " + several + " were") +
                              " left out: " + listed(names));
    };
    add(unreadable_, "picture of a kind that cannot be read here",
        "pictures of kinds that cannot be read here");
    add(films_, "film (esrgan video enlarges films)", "films (esrgan video enlarges films)");
    add(own_outputs_, "input that is the output of another", "inputs that are outputs of others");
  }

  const JobRequest& request_;
  NamePattern pattern_;
  std::string format_;       // without a dot
  bool one_output_ = false;  // the output is a single file
  std::vector<Candidate> candidates_;
  std::map<std::pair<fs::path, fs::path>, size_t> known_;  // input and folder of the output -> candidate
  std::map<fs::path, fs::path> places_;
  std::vector<std::string> unreadable_, films_, own_outputs_;
  Plan plan_;
};

}  // namespace

std::string output_folder(const JobRequest& request, const std::string& folder) {
  if (!request.output.empty()) return request.output;
  const fs::path path = without_trailing_dots(folder);
  if (path.has_filename() && path.filename() != "." && path.filename() != "..")
    return (path.parent_path() / fitting_name(path.filename().string(), request.suffix)).string();
  // "." and "..": beside the folder, whatever its name is.
  std::error_code error;
  const fs::path name = fs::canonical(path, error).filename();
  if (error) throw file_error(folder, "cannot be opened", error.value());
  if (name.empty())
    throw Error(ErrorKind::invalid_argument, folder, "there is nothing beside this folder; give one with -o");
  const fs::path parent = path == "." ? fs::path("..") : path / "..";
  return (parent / fitting_name(name.string(), request.suffix)).string();
}

Plan plan_jobs(const JobRequest& request) {
  return Planner(request).plan();
}

}  // namespace esrgan::cli
