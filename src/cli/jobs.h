// From the paths on the command line to pairs of input and output files.
#pragma once

#include <esrgan/upscaler.h>

#include <string>
#include <vector>

#include "cli/picture_folder.h"

namespace esrgan::cli {

struct JobRequest {
  std::vector<std::string> inputs;  ///< files and folders; "-" is standard input
  std::string output;               ///< a file, a folder, "-" for standard output, or empty
  std::string format;               ///< extension, or empty to keep the input's
  std::string suffix;          ///< "_x4": put behind the name of a file that is written beside its input, and
                               ///< behind that of a folder
  bool suffix_always = false;  ///< put it behind the name of every output
  std::string name;            ///< pattern (NamePattern) that is used instead of the inputs' names
  bool recursive = false;
  std::string scale_text, model_name;  ///< for {scale} and {model} of the pattern
};

struct Plan {
  std::vector<FileJob> jobs;         ///< no two of them with one output
  std::vector<FailedInput> failed;   ///< each counts as an input that failed; the jobs are done all the same
  std::vector<std::string> remarks;  ///< what was left out
};

/// Where the outputs go:
/// - A single file goes to `output` when that names a picture; everything else to the folder `output`, by
/// name
///   and, for folders, by their sub-folders. Links count by their own place, so that nothing leaves the
///   folder. Without an output, files are written beside their inputs, and the content of a folder to FOLDER
///   + suffix.
/// - The kind is the format's, else the input's where it can be written (but not GIF), else PNG.
/// - Of several inputs for one output the first is done and the others fail. A file that is named twice, by a
///   link too, and goes to the same folder, is done once: by its own name where that is among them.
/// - Outputs of this plan are never its inputs: the folder of the outputs is not looked into when it lies
///   within an input, and an input that is another's output is left out.
/// The order is that of the inputs; folders are sorted. Which outputs exist has no influence on the rest, so
/// that machines that share the work agree. Throws Error.
Plan plan_jobs(const JobRequest& request);

/// The folder that the content of a folder goes to.
std::string output_folder(const JobRequest& request, const std::string& folder);

}  // namespace esrgan::cli
