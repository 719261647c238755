// The exceptions of the library.
#pragma once

#include <esrgan/export.h>

#include <exception>
#include <stdexcept>
#include <string>

namespace esrgan {

/// What went wrong, in terms a user can act on. what() reads
/// "FILE: PROBLEM: expected EXPECTED, found FOUND"; the parts that are empty are left out.
class ESRGAN_API Error : public std::runtime_error {
 public:
  explicit Error(const std::string& problem) : Error("", problem) {}
  Error(std::string file, std::string problem, std::string expected = "", std::string found = "")
      : std::runtime_error(compose(file, problem, expected, found)),
        file_(std::move(file)),
        problem_(std::move(problem)),
        expected_(std::move(expected)),
        found_(std::move(found)) {}

  /// The file concerned, or empty.
  const std::string& file() const { return file_; }
  const std::string& problem() const { return problem_; }
  const std::string& expected() const { return expected_; }
  const std::string& found() const { return found_; }

 private:
  static std::string compose(const std::string& file, const std::string& problem, const std::string& expected,
                             const std::string& found) {
    std::string text = file.empty() ? problem : file + ": " + problem;
    if (!expected.empty()) text += ": expected " + expected;
    if (!found.empty()) text += (expected.empty() ? ": found " : ", found ") + found;
    return text;
  }

  std::string file_, problem_, expected_, found_;
};

/// Thrown when the caller's stop flag was raised; the work done so far was discarded cleanly. It is no Error, so that
/// who handles those does not take a wish for a failure.
class ESRGAN_API Cancelled : public std::exception {
 public:
  const char* what() const noexcept override { return "stopped on request"; }
};

}  // namespace esrgan
