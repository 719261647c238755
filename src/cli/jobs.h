// From the paths on the command line to pairs of input and output files.
#pragma once

#include <esrgan/upscaler.h>

#include <string>
#include <vector>

namespace esrgan::cli {

struct JobRequest {
  std::vector<std::string> inputs;  ///< files and folders
  std::string output;               ///< a file, a folder, or empty
  std::string format;               ///< extension, or empty to keep the input's
  std::string suffix;               ///< put behind the name of a file that is written beside its input: "_x4"
  bool recursive = false;
};

/// A single input with an output that has an extension goes to that file; everything else to a folder, by
/// name and, for folders, by their sub-folders. Without an output, files are written beside their inputs, and
/// the content of a folder to FOLDER + suffix. Throws Error when two inputs would be written to the same
/// file, or one over itself.
std::vector<FileJob> plan_jobs(const JobRequest& request);

}  // namespace esrgan::cli
