// The exceptions of the library.
#pragma once

#include <esrgan/export.h>

#include <exception>
#include <stdexcept>
#include <string>

namespace esrgan {

/// What a program can do something about. More may come: treat what you do not know as internal.
enum class ErrorKind {
  invalid_argument,  ///< an option or a buffer of the caller's cannot be meant
  not_found,         ///< a file, a folder, a model or an optional part of the installation is not there
  bad_data,          ///< a file is damaged, or is not what it has to be
  unsupported,       ///< sound, but beyond what is built in, or what a format or a device can do
  out_of_resources,  ///< the memory that may be used, threads or open files do not suffice
  io,                ///< the system could not read or write
  internal           ///< something failed that should not have
};

/// "not_found", for logs.
ESRGAN_API const char* name_of(ErrorKind kind);

/// What went wrong, in terms a user can act on. what() reads
/// "FILE: PROBLEM: expected EXPECTED, found FOUND"; the parts that are empty are left out.
class ESRGAN_API Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& problem) : Error(kind, "", problem) {}
  Error(ErrorKind kind, std::string file, std::string problem, std::string expected = "",
        std::string found = "")
      : std::runtime_error(compose(file, problem, expected, found)),
        kind_(kind),
        file_(std::move(file)),
        problem_(std::move(problem)),
        expected_(std::move(expected)),
        found_(std::move(found)) {}

  ErrorKind kind() const { return kind_; }
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

  ErrorKind kind_;
  std::string file_, problem_, expected_, found_;
};

/// Thrown when the caller asked to stop; the work done so far was discarded cleanly. It is no Error, so that
/// who handles those does not take a wish for a failure.
class ESRGAN_API Cancelled : public std::exception {
 public:
  const char* what() const noexcept override { return "stopped on request"; }
};

}  // namespace esrgan
